import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { EJSON } from '../../src/dddp/static/dddp/ddp.js';
import { book, dialled } from './fakes.mjs';

const changed = (id, fields, cleared) => ({ msg: 'changed', collection: 'book', id, fields, cleared });
const removed = (id) => ({ msg: 'removed', collection: 'book', id });

/** A connected client's collection of books, and every change event it has sent. */
function shelf() {
  const dialling = dialled();
  const books = dialling.client.collection('book');
  const events = [];
  const off = books.on('change', (changes) => events.push(changes));
  const batch = (...messages) => {
    dialling.socket.receive(...messages);
    dialling.clock.advance(16);
  };
  return { ...dialling, socket: dialling.socket, books, events, off, batch };
}

describe('documents (DDP 1, "Managing Data")', () => {
  test('are there with their id as soon as the message is', () => {
    const { books, socket } = shelf();
    socket.receive(book('1', { title: 'A', at: { $date: 5 } }), book('2'));
    assert.deepEqual(books.get('1'), { _id: '1', title: 'A', at: new Date(5) });
    assert.deepEqual(books.get('2'), { _id: '2' });
    assert.equal(books.size, 2);
    assert.equal(books.get('3'), undefined);
  });

  test('change field by field; cleared fields go', () => {
    const { books, socket } = shelf();
    socket.receive(book('1', { a: 1, b: 2, c: 3 }), changed('1', { a: 9 }, ['b']), changed('1', {}, ['c']));
    assert.deepEqual(books.get('1'), { _id: '1', a: 9 });
  });

  test('are frozen, a change makes another object', () => {
    const { books, socket } = shelf();
    socket.receive(book('1', { a: 1 }));
    const first = books.get('1');
    assert.throws(() => { first.a = 2; }, TypeError);
    socket.receive(changed('1', { a: 2 }));
    assert.equal(first.a, 1);
    assert.equal(books.get('1').a, 2);
  });

  test('keep their id whatever the fields say', () => {
    const { books, socket } = shelf();
    socket.receive(book('1', { _id: 'x' }), changed('1', { _id: 'y', a: 1 }, ['_id']));
    assert.deepEqual(books.get('1'), { _id: '1', a: 1 });
  });

  test('are found by the value of their id', () => {
    const { books, socket } = shelf();
    const hex = '0123456789abcdef01234567';
    socket.receive(book(hex), book(`-${hex}`), book('~7'), book('--x'));
    assert.deepEqual(books.get(new EJSON.ObjectID(hex))._id, new EJSON.ObjectID(hex));
    assert.equal(books.get(hex)._id, hex);
    assert.equal(books.get(7)._id, 7);
    assert.equal(books.get('-x')._id, '-x');
    socket.receive(removed('~7'));
    assert.equal(books.get(7), undefined);
  });

  test('added again are replaced; changes to unknown ones are ignored', () => {
    const { books, socket } = shelf();
    socket.receive(book('1', { a: 1, b: 1 }), book('1', { a: 2 }), changed('8', { a: 1 }), removed('9'));
    assert.deepEqual([...books], [{ _id: '1', a: 2 }]);
  });

  test('can be filtered and iterated', () => {
    const { books, socket } = shelf();
    socket.receive(book('1', { n: 1 }), book('2', { n: 2 }), book('3', { n: 3 }));
    assert.deepEqual(books.find(({ n }) => n > 1).map(({ _id }) => _id), ['2', '3']);
    assert.equal(books.find().length, 3);
    assert.deepEqual([...books].map(({ n }) => n), [1, 2, 3]);
  });

  test('of collections are kept apart, and a collection is one object', () => {
    const { client, socket } = shelf();
    socket.receive(book('1'), { msg: 'added', collection: 'author', id: '1', fields: { name: 'x' } });
    assert.equal(client.collection('author').get('1').name, 'x');
    assert.equal(client.collection('book'), client.collection('book'));
    assert.equal(client.collection('nothing').size, 0);
    assert.equal(client.collection('nothing').name, 'nothing');
  });
});

describe('change events', () => {
  test('come once for a batch', () => {
    const { socket, clock, events } = shelf();
    socket.receive(book('1', { a: 1 }), book('2', { a: 1 }));
    assert.deepEqual(events, []);
    clock.advance(16);
    assert.deepEqual(events, [
      { added: [{ _id: '1', a: 1 }, { _id: '2', a: 1 }], changed: [], removed: [] },
    ]);
    clock.advance(1000);
    assert.equal(events.length, 1);
  });

  test('tell the net difference', () => {
    const { events, batch } = shelf();
    batch(book('1', { a: 1 }), book('2', { a: 1 }), book('3', { a: 1 }));
    batch(
      changed('1', { a: 2 }), changed('1', { a: 3, b: 1 }), // changed twice
      removed('2'), book('2', { a: 1 }), //                    removed and the same again
      changed('3', { a: 7 }), removed('3'), //                 changed and removed
      book('4', { a: 1 }), changed('4', { a: 2 }), //          added and changed
      book('5'), removed('5'), //                              never seen
    );
    assert.deepEqual(events[1], {
      added: [{ _id: '4', a: 2 }],
      changed: [{ doc: { _id: '1', a: 3, b: 1 }, old: { _id: '1', a: 1 }, fields: ['a', 'b'] }],
      removed: [{ _id: '3', a: 1 }],
    });
  });

  test('do not come for nothing', () => {
    const { events, batch } = shelf();
    batch(book('1', { a: [1, { $date: 5 }] }));
    batch(changed('1', { a: [1, { $date: 5 }] }), book('2'), removed('2'));
    assert.equal(events.length, 1);
  });

  test('name cleared fields', () => {
    const { events, batch } = shelf();
    batch(book('1', { a: 1, b: 1 }));
    batch(changed('1', undefined, ['a']));
    assert.deepEqual(events[1].changed[0].fields, ['a']);
  });

  test('stop when asked, for one listener', () => {
    const { books, events, off, batch } = shelf();
    const listener = () => { calls += 1; };
    let calls = 0;
    const stop = books.on('change', listener);
    books.on('change', listener);
    off();
    stop();
    stop();
    batch(book('1'));
    assert.equal(calls, 1);
    assert.deepEqual(events, []);
  });

  test('find the whole client in its new state', () => {
    const { client, socket, clock } = shelf();
    let title;
    client.collection('author').on('change', () => { title = client.collection('book').get('1').title; });
    socket.receive({ msg: 'added', collection: 'author', id: '1' }, book('1', { title: 'A' }));
    clock.advance(16);
    assert.equal(title, 'A');
  });

  test('reach the others when one listener throws, and the error is not lost', async () => {
    const { books, events, batch } = shelf();
    const caught = new Promise((resolve) => {
      process.prependOnceListener('uncaughtException', resolve);
    });
    const listeners = process.listeners('uncaughtException').slice(1);
    for (const listener of listeners) process.off('uncaughtException', listener);
    books.on('change', () => { throw new Error('mine'); });
    books.on('change', (changes) => events.push(changes));
    batch(book('1'));
    assert.equal((await caught).message, 'mine');
    for (const listener of listeners) process.on('uncaughtException', listener);
    assert.equal(events.length, 2);
  });
});

describe('observe', () => {
  const observed = (books) => {
    const calls = [];
    const stop = books.observe({
      added: (doc) => calls.push(['added', doc._id]),
      changed: (doc, old, fields) => calls.push(['changed', doc.a, old.a, fields]),
      removed: (doc) => calls.push(['removed', doc._id]),
    });
    return { calls, stop };
  };

  test('tells of each document, first of those that are there', () => {
    const { books, socket, batch } = shelf();
    socket.receive(book('1', { a: 1 }));
    const { calls, stop } = observed(books);
    assert.deepEqual(calls.splice(0), [['added', '1']]);
    batch(book('2'), changed('1', { a: 2 }));
    assert.deepEqual(calls.splice(0), [['changed', 2, 1, ['a']], ['added', '2']]);
    batch(removed('1'));
    assert.deepEqual(calls.splice(0), [['removed', '1']]);
    stop();
    batch(removed('2'));
    assert.deepEqual(calls, []);
  });

  test('needs no callback it has no use for', () => {
    const { books, batch } = shelf();
    books.observe({});
    batch(book('1'));
    batch(removed('1'));
    assert.equal(books.size, 0);
  });
});
