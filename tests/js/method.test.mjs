import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { DDPError } from '../../src/dddp/static/dddp/ddp.js';
import { book, dial, dialled, outcome, redial } from './fakes.mjs';

const result = (id, value) => ({ msg: 'result', id, result: value });
const failure = (id, error) => ({ msg: 'result', id, error });
const updated = (...methods) => ({ msg: 'updated', methods });
const sentMethods = (socket) => socket.take().filter(({ msg }) => msg === 'method').map(({ id }) => id);

describe('call', () => {
  test('sends name and parameters as EJSON', () => {
    const { client, socket } = dialled();
    client.call('shop/buy', 1, new Date(5));
    client.apply('shop/sell');
    assert.deepEqual(socket.take(), [
      { msg: 'method', id: '1', method: 'shop/buy', params: [1, { $date: 5 }] },
      { msg: 'method', id: '2', method: 'shop/sell', params: [] },
    ]);
  });

  for (const order of [[result('1', 7), updated('1')], [updated('1'), result('1', 7)]]) {
    test(`resolves after ${order.map(({ msg }) => msg).join(' and ')}`, async () => {
      const { client, socket } = dialled();
      const promise = client.call('m');
      socket.receive(order[0]);
      assert.equal(await outcome(promise), 'pending');
      socket.receive(order[1]);
      assert.deepEqual(await outcome(promise), { value: 7 });
    });
  }

  test('revives the result; none is undefined, null is null', async () => {
    const { client, socket } = dialled();
    const [date, none, null_, zero] = ['a', 'b', 'c', 'd'].map((name) => client.call(name));
    socket.receive(result('1', { at: { $date: 5 } }), { msg: 'result', id: '2' }, result('3', null),
      result('4', 0), updated('1', '2', '3', '4'));
    assert.deepEqual(await date, { at: new Date(5) });
    assert.equal(await none, undefined);
    assert.equal(await null_, null);
    assert.equal(await zero, 0);
  });

  test('rejects with the error of the server', async () => {
    const { client, socket } = dialled();
    const promise = client.call('m');
    const error = { error: 'too-many', reason: 'Slow down.', details: { wait: 3 }, isClientSafe: true };
    socket.receive(failure('1', error), updated('1'));
    const { error: rejected } = await outcome(promise);
    assert.ok(rejected instanceof DDPError);
    assert.equal(rejected.error, 'too-many');
    assert.equal(rejected.reason, 'Slow down.');
    assert.deepEqual(rejected.details, { wait: 3 });
    assert.equal(rejected.message, 'Slow down. [too-many]');
  });

  test('an error without a reason has a message', async () => {
    const { client, socket } = dialled();
    const promise = client.call('m');
    socket.receive(failure('1', { error: 418 }), updated('1'));
    assert.equal((await outcome(promise)).error.message, '[418]');
  });

  test('listeners know its effects before it resolves', async () => {
    const { client, socket } = dialled();
    const order = [];
    client.collection('book').on('change', () => order.push('change'));
    const promise = client.call('m').then(() => order.push('resolved'));
    socket.receive(book('1'), updated('1'), result('1'));
    await promise;
    assert.deepEqual(order, ['change', 'resolved']);
  });

  test('answers to unknown calls are ignored', () => {
    const { client, socket } = dialled();
    client.on('error', (error) => assert.fail(error));
    socket.receive(result('9', 1), updated('9'));
    assert.equal(client.status, 'connected');
  });

  test('parameters that cannot be sent reject', async () => {
    const { client, socket } = dialled();
    assert.ok((await outcome(client.call('m', 5n))).error instanceof TypeError);
    assert.deepEqual(socket.take(), []);
  });

  test('parameters are taken as they are when called', () => {
    const { client, socket } = dial();
    const params = { pages: 1 };
    client.call('m', params);
    params.pages = 2;
    socket.accept();
    assert.deepEqual(socket.take()[1].params, [{ pages: 1 }]);
  });
});

describe('calls and lost connections', () => {
  test('a call before the connection is there waits for it', async () => {
    const { client, socket } = dial();
    const promise = client.call('m');
    socket.accept().receive(result('1', 1), updated('1'));
    assert.deepEqual(sentMethods(socket), ['1']);
    assert.equal(await promise, 1);
  });

  test('unanswered calls are sent again, before the subscriptions', async () => {
    const dialling = dialled();
    const { client } = dialling;
    const { id } = client.subscribe('Books');
    const promise = client.call('m', 5);
    const socket = redial(dialling);
    assert.deepEqual(socket.take().slice(1), [
      { msg: 'method', id: '1', method: 'm', params: [5] },
      { msg: 'sub', id, name: 'Books', params: [] },
    ]);
    socket.receive(result('1', 'x'), updated('1'));
    assert.equal(await promise, 'x');
  });

  test('answered calls are not sent again', async () => {
    const dialling = dialled();
    const done = dialling.client.call('done');
    dialling.socket.receive(result('1', 1), updated('1'));
    await done;
    assert.deepEqual(sentMethods(redial(dialling)), []);
  });

  test('a call with its result waits for the documents of the new session only', async () => {
    const dialling = dialled();
    const { client } = dialling;
    const subscription = client.subscribe('Books');
    dialling.socket.receive({ msg: 'ready', subs: [subscription.id] });
    const promise = client.call('m');
    dialling.socket.receive(result('1', 1));
    const socket = redial(dialling);
    assert.deepEqual(sentMethods(socket), []);
    assert.equal(await outcome(promise), 'pending');
    socket.receive({ msg: 'ready', subs: [subscription.id] });
    assert.deepEqual(await outcome(promise), { value: 1 });
  });

  test('a call that is updated without its result is sent again', async () => {
    const dialling = dialled();
    const promise = dialling.client.call('m');
    dialling.socket.receive(updated('1'));
    const socket = redial(dialling);
    assert.deepEqual(sentMethods(socket), ['1']);
    socket.receive(result('1', 1));
    assert.equal(await outcome(promise), 'pending');
    socket.receive(updated('1'));
    assert.deepEqual(await outcome(promise), { value: 1 });
  });

  test('a call answered while a session is refilled waits until its effects show', async () => {
    const dialling = dialled();
    const { client } = dialling;
    const subscription = client.subscribe('Books');
    dialling.socket.receive({ msg: 'ready', subs: [subscription.id] });
    const socket = redial(dialling);
    const promise = client.call('m');
    socket.receive(book('1'), result('1', 1), updated('1'));
    assert.equal(await outcome(promise), 'pending');
    socket.receive({ msg: 'ready', subs: [subscription.id] });
    assert.equal(client.collection('book').size, 1);
    assert.deepEqual(await outcome(promise), { value: 1 });
  });

  test('noRetry fails when the connection is lost', async () => {
    const dialling = dialled();
    const promise = dialling.client.apply('pay', [5], { noRetry: true });
    dialling.socket.drop();
    assert.equal((await outcome(promise)).error.error, 'invocation-failed');
    dialling.clock.advance(dialling.clock.next);
    dialling.socket.accept();
    assert.deepEqual(sentMethods(dialling.socket), []);
  });

  test('noRetry that was not sent yet is sent', async () => {
    const dialling = dialled();
    dialling.socket.drop();
    const promise = dialling.client.apply('pay', [5], { noRetry: true });
    dialling.clock.advance(dialling.clock.next);
    dialling.socket.accept();
    assert.deepEqual(sentMethods(dialling.socket), ['1']);
    assert.equal(await outcome(promise), 'pending');
  });

  test('close() rejects what is not answered, and what comes later', async () => {
    const { client } = dialled();
    const promise = client.call('m');
    client.close();
    assert.equal((await outcome(promise)).error.error, 'closed');
    assert.equal((await outcome(client.call('m'))).error.error, 'closed');
  });

  test('a server of another version rejects them too', async () => {
    const { client, socket } = dial();
    const promise = client.call('m');
    socket.accept({ msg: 'failed', version: '99' });
    assert.equal((await outcome(promise)).error.error, 'closed');
  });
});

describe("a listener of 'connected'", () => {
  test('comes before everything that is sent again: the place for a login', () => {
    const dialling = dialled();
    const { client } = dialling;
    client.subscribe('Books');
    client.call('m');
    client.on('status', (status) => { if (status === 'connected') client.call('login'); });
    const sent = redial(dialling).take().map(({ method, name }) => method ?? name);
    assert.deepEqual(sent, [undefined, 'login', 'm', 'Books']);
  });

  test('may close the client', () => {
    const dialling = dialled();
    const { client, socket } = dialling;
    const subscription = client.subscribe('Books');
    socket.receive(book('1'), { msg: 'ready', subs: [subscription.id] });
    client.on('status', (status) => { if (status === 'connected') client.close(); });
    assert.deepEqual(redial(dialling).take().map(({ msg }) => msg), ['connect', 'disconnect']);
    assert.equal(client.status, 'offline');
    assert.equal(client.collection('book').size, 1);
  });
});
