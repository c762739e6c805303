import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { book, dial, dialled, outcome, redial, resume, turn } from './fakes.mjs';

const ready = ({ id }) => ({ msg: 'ready', subs: [id] });
const answer = (id, result) => [{ msg: 'updated', methods: [id] }, { msg: 'result', id, result }];

/** What a connection has sent: names of methods and subscriptions, else the kind of message. */
const sent = (socket) => socket.take().map(({ msg, method, name }) => method ?? name ?? msg);

/** A client with a subscription that is ready and has one book. */
function reading() {
  const dialling = dialled();
  const subscription = dialling.client.subscribe('Books');
  dialling.socket.receive(book('1', { title: 'Emma' }), ready(subscription));
  dialling.socket.take();
  return { ...dialling, dialling, subscription, books: dialling.client.collection('book') };
}

describe('connect (Meteor 3.5)', () => {
  test('names no session at first', () => {
    const [connect] = dial().socket.accept().take();
    assert.ok(!('session' in connect) && !('receivedCount' in connect));
  });

  test('names the session and how many of its messages have come', () => {
    const dialling = dialled();
    dialling.socket.receive(book('1'), book('2'), { msg: 'error', reason: 'x' });
    dialling.client.on('error', () => {});
    const [connect] = redial(dialling).take();
    assert.match(connect.session, /^session/);
    assert.equal(connect.receivedCount, 4);
  });

  test('pings and pongs do not count', () => {
    const dialling = dialled();
    dialling.socket.receive({ msg: 'ping' }, { msg: 'pong' }, { msg: 'ping', id: 'x' });
    assert.equal(redial(dialling).take()[0].receivedCount, 1);
  });

  test('messages that make no sense to the client count', () => {
    const dialling = dialled();
    dialling.client.on('error', () => {});
    dialling.socket.receive({ msg: 'who knows' }, { msg: 'ready' });
    assert.equal(redial(dialling).take()[0].receivedCount, 3);
  });

  test('goes on counting where a session is resumed, and anew where it is not', () => {
    const dialling = dialled();
    dialling.socket.receive(book('1'));
    resume(dialling).receive(book('2'));
    const [connect] = redial(dialling).take();
    assert.equal(connect.receivedCount, 4);
    const [again] = redial(dialling).take();
    assert.equal(again.receivedCount, 1);
    assert.notEqual(again.session, connect.session);
  });

  test('names it again when the connection is lost before the answer', () => {
    const dialling = dialled();
    const { window, clock } = dialling;
    dialling.socket.drop();
    clock.advance(clock.next);
    window.socket.onopen({});
    const [connect] = window.socket.take();
    assert.deepEqual(redial(dialling).take()[0], connect);
  });
});

describe('a session that is resumed', () => {
  test('is told in the status', () => {
    const { client, dialling } = reading();
    const seen = [];
    client.on('status', (status, { resumed }) => seen.push([status, resumed]));
    resume(dialling);
    redial(dialling);
    assert.deepEqual(seen.filter(([status]) => status === 'connected'),
      [['connected', true], ['connected', false]]);
  });

  test('keeps documents and subscriptions, and sends nothing', () => {
    const { client, dialling, subscription, books } = reading();
    const emma = books.get('1');
    const changes = [];
    books.on('change', (change) => changes.push(change));
    const socket = resume(dialling);
    assert.deepEqual(sent(socket), ['connect']);
    assert.equal(books.get('1'), emma);
    assert.ok(subscription.isReady);
    dialling.clock.advance(100);
    assert.deepEqual(changes, []);
    socket.receive({ msg: 'changed', collection: 'book', id: '1', fields: { pages: 3 } });
    assert.deepEqual(client.collection('book').get('1'), { _id: '1', title: 'Emma', pages: 3 });
  });

  test('gets what may not have reached it: subscriptions that are not ready', () => {
    const { client, dialling } = reading();
    client.subscribe('Slow');
    dialling.socket.drop();
    client.subscribe('New');
    const { clock, window } = dialling;
    clock.advance(clock.next);
    assert.deepEqual(sent(window.socket.resume()), ['connect', 'Slow', 'New']);
  });

  test('is told of subscriptions that were stopped, and their documents go', async () => {
    const { client, dialling, subscription, books } = reading();
    const { clock, window } = dialling;
    const other = client.subscribe('Others');
    const stopped = other.stop();
    assert.equal(await outcome(stopped), 'pending');
    dialling.socket.drop();
    await stopped;
    await subscription.stop();
    clock.advance(clock.next);
    const socket = window.socket.resume();
    assert.deepEqual(socket.take().slice(1),
      [{ msg: 'unsub', id: other.id }, { msg: 'unsub', id: subscription.id }]);
    assert.equal(books.size, 1);
    socket.receive({ msg: 'removed', collection: 'book', id: '1' },
      { msg: 'nosub', id: other.id }, { msg: 'nosub', id: subscription.id });
    assert.equal(books.size, 0);
    assert.deepEqual(sent(resume(dialling)), ['connect']);
  });

  test('gets unanswered calls again, with their ids, and each answer once', async () => {
    const { client, dialling } = reading();
    const before = client.call('before');
    dialling.socket.drop();
    const meanwhile = client.call('meanwhile');
    const { clock, window } = dialling;
    clock.advance(clock.next);
    const socket = window.socket.resume();
    assert.deepEqual(socket.take().slice(1).map(({ id, method }) => [id, method]),
      [['1', 'before'], ['2', 'meanwhile']]);
    socket.receive(...answer('1', 'a'), ...answer('2', 'b'));
    assert.deepEqual([await before, await meanwhile], ['a', 'b']);
    assert.deepEqual(sent(resume(dialling)), ['connect']);
  });

  test('goes on waiting for the second half of an answer', async () => {
    const { client, dialling } = reading();
    const promise = client.call('m');
    dialling.socket.receive({ msg: 'result', id: '1', result: 7 });
    const socket = resume(dialling);
    assert.deepEqual(sent(socket), ['connect']);
    assert.equal(await outcome(promise), 'pending');
    socket.receive({ msg: 'updated', methods: ['1'] });
    assert.deepEqual(await outcome(promise), { value: 7 });
  });

  test('goes on being filled', () => {
    const { client, dialling, subscription, books } = reading();
    const other = client.subscribe('Others');
    dialling.socket.receive(ready(other));
    redial(dialling).receive(book('2'), ready(subscription));
    const socket = resume(dialling);
    assert.deepEqual(sent(socket), ['connect', 'Others']);
    assert.deepEqual(books.find().map(({ _id }) => _id), ['1']);
    socket.receive(book('3'), ready(other));
    assert.deepEqual(books.find().map(({ _id }) => _id), ['2', '3']);
  });

  test('shows its documents when the last one waited for is stopped while away', () => {
    const { client, dialling, subscription, books } = reading();
    const other = client.subscribe('Others');
    dialling.socket.receive(ready(other));
    redial(dialling).receive(book('2'), ready(subscription));
    dialling.socket.drop();
    other.stop();
    dialling.clock.advance(dialling.clock.next);
    dialling.socket.resume();
    assert.deepEqual(books.find().map(({ _id }) => _id), ['2']);
  });
});

describe('a session that is not resumed', () => {
  test('forgets what was stopped in the one before', () => {
    const { client, dialling, subscription } = reading();
    dialling.socket.drop();
    subscription.stop();
    dialling.clock.advance(dialling.clock.next);
    assert.deepEqual(sent(dialling.socket.accept()), ['connect']);
    client.subscribe('Books');
    assert.deepEqual(sent(resume(dialling)), ['connect', 'Books']);
  });

  test('is not asked for when a call must not be made twice', async () => {
    const { client, dialling } = reading();
    const promise = client.apply('pay', [5], { noRetry: true });
    dialling.socket.drop();
    assert.equal((await outcome(promise)).error.error, 'invocation-failed');
    dialling.clock.advance(dialling.clock.next);
    const [connect] = dialling.socket.accept().take();
    assert.ok(!('session' in connect));
  });

  test('is not asked for after close()', () => {
    const { client, dialling } = reading();
    client.close();
    client.reconnect();
    assert.ok(!('session' in dialling.socket.accept().take()[0]));
  });

  test('replaces one that is being asked for when told to begin anew', () => {
    const { client, dialling, window } = reading();
    dialling.socket.drop();
    dialling.clock.advance(dialling.clock.next);
    window.socket.onopen({});
    const asking = window.socket;
    client.beginAnew();
    assert.ok(asking.isClosed);
    assert.ok(!('session' in window.socket.accept().take()[0]));
    assert.equal(client.status, 'connected');
  });

  test('a second `connected` on one connection is a new one, whatever its id', async () => {
    const { dialling, books } = reading();
    const { session } = redial(dialling).sent[0];
    dialling.socket.receive({ msg: 'connected', session });
    await turn();
    assert.equal(books.size, 1);
  });
});

describe('leaving', () => {
  test('close() says that nobody will come back', () => {
    const { client, socket } = dialled();
    client.close();
    assert.deepEqual(socket.take(), [{ msg: 'disconnect' }]);
    assert.ok(socket.isClosed);
  });

  test('a connection without a session says nothing', () => {
    const { client, socket } = dial();
    socket.onopen({});
    socket.take();
    client.close();
    assert.deepEqual(socket.take(), []);
  });

  for (const [persisted, wanted] of [[false, ['disconnect']], [true, []]]) {
    test(`a page that is ${persisted ? 'put aside' : 'left'} sends ${wanted}`, () => {
      const { window, socket } = dialled();
      window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted }));
      assert.deepEqual(sent(socket), wanted);
    });
  }
});
