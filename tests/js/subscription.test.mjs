import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { DDPError, randomId } from '../../src/dddp/static/dddp/ddp.js';
import { book, dial, dialled, outcome, redial } from './fakes.mjs';

const ready = (...subscriptions) => ({ msg: 'ready', subs: subscriptions.map(({ id }) => id) });
const titles = (client) => client.collection('book').find().map(({ title }) => title).sort();

describe('subscribe', () => {
  test('sends name and parameters as EJSON', () => {
    const { client, socket } = dialled();
    const subscription = client.subscribe('Books', 'a@b.c', new Date(5));
    assert.deepEqual(socket.take(), [
      { msg: 'sub', id: subscription.id, name: 'Books', params: ['a@b.c', { $date: 5 }] },
    ]);
    assert.equal(subscription.name, 'Books');
  });

  test('before the connection is there waits for it', () => {
    const { client, socket } = dial();
    const { id } = client.subscribe('Books');
    socket.accept();
    assert.deepEqual(socket.take().slice(1), [{ msg: 'sub', id, name: 'Books', params: [] }]);
  });

  test('is ready when the server says so, after its documents are told', async () => {
    const { client, socket } = dialled();
    const subscription = client.subscribe('Books');
    const order = [];
    client.collection('book').on('change', () => order.push('change'));
    subscription.on('ready', () => order.push('ready'));
    socket.receive(book('1'));
    assert.equal(subscription.isReady, false);
    socket.receive(ready(subscription));
    assert.equal(subscription.isReady, true);
    assert.deepEqual(order, ['change', 'ready']);
    await subscription.ready;
  });

  test('one ready message may name several', () => {
    const { client, socket } = dialled();
    const [a, b] = [client.subscribe('A'), client.subscribe('B')];
    socket.receive({ msg: 'ready', subs: [a.id, 'unknown', b.id] });
    assert.ok(a.isReady && b.isReady);
  });

  test('that is refused rejects and is not sent again', async () => {
    const dialling = dialled();
    const subscription = dialling.client.subscribe('Nothing');
    let stopped;
    subscription.on('stop', (error) => { stopped = error; });
    const error = { error: 404, reason: 'No such subscription.', details: { a: 1 }, message: 'x' };
    dialling.socket.receive({ msg: 'nosub', id: subscription.id, error });
    const { error: rejected } = await outcome(subscription.ready);
    assert.ok(rejected instanceof DDPError && rejected instanceof Error);
    assert.deepEqual({ ...rejected }, {
      name: 'DDPError', error: 404, reason: 'No such subscription.', details: { a: 1 },
    });
    assert.equal(rejected.message, 'No such subscription. [404]');
    assert.equal(stopped, rejected);
    assert.equal(redial(dialling).take().length, 1);
  });

  test('that the server ends later is not ready any more', async () => {
    const { client, socket } = dialled();
    const subscription = client.subscribe('Books');
    const stops = [];
    subscription.on('stop', (error) => stops.push(error));
    socket.receive(ready(subscription), { msg: 'nosub', id: subscription.id });
    assert.deepEqual(stops, [undefined]);
    assert.equal(subscription.isReady, false);
    await subscription.ready;
  });

  test('stop() sends unsub, once', async () => {
    const { client, socket } = dialled();
    const subscription = client.subscribe('Books');
    socket.take();
    subscription.stop();
    subscription.stop();
    assert.deepEqual(socket.take(), [{ msg: 'unsub', id: subscription.id }]);
    assert.equal((await outcome(subscription.ready)).error.error, 'stopped');
    socket.receive(ready(subscription), { msg: 'nosub', id: subscription.id });
    assert.equal(subscription.isReady, false);
  });

  test('stop() resolves when its documents are gone', async () => {
    const { client, socket } = dialled();
    const subscription = client.subscribe('Books');
    socket.receive(book('1'), ready(subscription));
    let removals = 0;
    client.collection('book').on('change', ({ removed }) => { removals += removed.length; });
    const stopped = subscription.stop();
    socket.receive({ msg: 'removed', collection: 'book', id: '1' });
    assert.equal(await outcome(stopped), 'pending');
    socket.receive({ msg: 'nosub', id: subscription.id });
    assert.equal(removals, 1);
    await stopped;
    await subscription.stop();
  });

  test('stop() resolves when the connection is lost or not there', async () => {
    const dialling = dialled();
    const [a, b] = [dialling.client.subscribe('A'), dialling.client.subscribe('B')];
    const stopped = a.stop();
    dialling.socket.drop();
    await stopped;
    await b.stop();
  });

  test('stop() while not connected is enough', () => {
    const dialling = dialled();
    const subscription = dialling.client.subscribe('Books');
    dialling.socket.drop();
    subscription.stop();
    dialling.clock.advance(dialling.clock.next);
    dialling.socket.accept();
    assert.equal(dialling.socket.take().length, 1);
  });

  test('an error of a publication nobody subscribed to is reported', () => {
    const { client, socket } = dialled();
    const errors = [];
    client.on('error', ({ error }) => errors.push(error));
    socket.receive({ msg: 'nosub', error: { error: 500 } }, { msg: 'nosub', id: 'x', error: {} });
    assert.deepEqual(errors, [500]);
  });
});

describe('a new session', () => {
  /** A client with one book of a ready subscription, and the change events after that. */
  function filled() {
    const dialling = dialled();
    const { client, socket } = dialling;
    const subscription = client.subscribe('Books', 1);
    socket.receive(book('1', { title: 'A' }), book('2', { title: 'B' }), ready(subscription));
    const events = [];
    client.collection('book').on('change', (changes) => events.push(changes));
    return { ...dialling, dialling, subscription, events };
  }

  test('gets the same subscriptions with the same ids', () => {
    const { dialling, client, subscription } = filled();
    const other = client.subscribe('Other');
    assert.deepEqual(redial(dialling).take().slice(1), [
      { msg: 'sub', id: subscription.id, name: 'Books', params: [1] },
      { msg: 'sub', id: other.id, name: 'Other', params: [] },
    ]);
  });

  test('shows the old documents until it is complete, then only the difference', () => {
    const { dialling, client, clock, subscription, events } = filled();
    const before = client.collection('book').get('1');
    const socket = redial(dialling);
    assert.equal(subscription.isReady, true);
    socket.receive(book('1', { title: 'A' }), book('2', { title: 'B2' }), book('3', { title: 'C' }));
    clock.advance(1000);
    assert.deepEqual(titles(client), ['A', 'B']);
    assert.deepEqual(events, []);
    socket.receive(ready(subscription));
    assert.deepEqual(titles(client), ['A', 'B2', 'C']);
    assert.deepEqual(events, [{
      added: [{ _id: '3', title: 'C' }],
      changed: [{ doc: { _id: '2', title: 'B2' }, old: { _id: '2', title: 'B' }, fields: ['title'] }],
      removed: [],
    }]);
    assert.equal(client.collection('book').get('1'), before);
  });

  test('takes away what is not there any more, whole collections too', () => {
    const { dialling, client, subscription, events } = filled();
    redial(dialling).receive(ready(subscription));
    assert.deepEqual(titles(client), []);
    assert.deepEqual(events[0].removed.length, 2);
  });

  test('changes while it is filled count', () => {
    const { dialling, client, subscription, events } = filled();
    redial(dialling).receive(
      book('1', { title: 'X' }), book('2', { title: 'B' }), book('3'),
      { msg: 'changed', collection: 'book', id: '1', fields: { title: 'A' } },
      { msg: 'removed', collection: 'book', id: '3' },
      ready(subscription),
    );
    assert.deepEqual(titles(client), ['A', 'B']);
    assert.deepEqual(events, []);
  });

  test('waits for all that were ready, not for others', () => {
    const { dialling, client, subscription } = filled();
    const second = client.subscribe('Second');
    const third = client.subscribe('Third');
    dialling.socket.receive(ready(second));
    const socket = redial(dialling);
    socket.receive(ready(subscription));
    assert.deepEqual(titles(client), ['A', 'B']);
    socket.receive(ready(second));
    assert.deepEqual(titles(client), []);
    assert.equal(third.isReady, false);
  });

  test('does not wait for a subscription that fails or is stopped', () => {
    const { dialling, client, subscription } = filled();
    const second = client.subscribe('Second');
    dialling.socket.receive(ready(second));
    const socket = redial(dialling);
    socket.receive({ msg: 'nosub', id: subscription.id, error: { error: 403 } });
    assert.deepEqual(titles(client), ['A', 'B']);
    second.stop();
    assert.deepEqual(titles(client), []);
  });

  test('says ready of a new subscription when its documents show', async () => {
    const { dialling, client, subscription } = filled();
    const socket = redial(dialling);
    const late = client.subscribe('Late');
    socket.receive({ msg: 'added', collection: 'author', id: '1' }, ready(late));
    assert.equal(late.isReady, false);
    assert.equal(client.collection('author').size, 0);
    socket.receive(ready(subscription));
    assert.equal(late.isReady, true);
    assert.equal(client.collection('author').size, 1);
    await late.ready;
  });

  test('that breaks before it is complete is forgotten', () => {
    const { dialling, client, subscription, events } = filled();
    const first = redial(dialling);
    const late = client.subscribe('Late');
    first.receive(book('7', { title: 'lost' }), ready(late));
    const second = redial(dialling);
    assert.deepEqual(titles(client), ['A', 'B']);
    second.receive(book('1', { title: 'A' }), book('2', { title: 'B' }), ready(subscription));
    assert.deepEqual(titles(client), ['A', 'B']);
    assert.deepEqual(events, []);
    assert.equal(late.isReady, false);
    second.receive(ready(late));
    assert.equal(late.isReady, true);
  });

  test('after close() and reconnect() flickers as little', () => {
    const { dialling, client, subscription, events } = filled();
    client.close();
    assert.deepEqual(titles(client), ['A', 'B']);
    client.reconnect();
    dialling.socket.accept();
    dialling.socket.receive(book('1', { title: 'A' }), book('2', { title: 'B' }), ready(subscription));
    assert.deepEqual(events, []);
  });

  test('replaces at once what no subscription asked for', () => {
    const dialling = dialled();
    dialling.socket.receive(book('1', { title: 'A' }));
    redial(dialling).receive(book('2', { title: 'B' }));
    assert.deepEqual(titles(dialling.client), ['B']);
  });
});

describe('randomId', () => {
  test('gives 17 letters and digits that are not taken for one another', () => {
    const ids = Array.from({ length: 200 }, randomId);
    for (const id of ids) assert.match(id, /^[2-9A-HJ-NP-TV-Za-km-z]{17}$/);
    assert.equal(new Set(ids).size, 200);
  });
});
