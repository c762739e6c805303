import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { connect } from '../../src/dddp/static/dddp/ddp.js';
import { FakeSocket, FakeWindow, dial, dialled, redial } from './fakes.mjs';

/** @returns the statuses a client goes through, filled as it does */
function statuses(client) {
  const seen = [];
  client.on('status', (status) => seen.push(status));
  return seen;
}

describe('the URL', () => {
  const urls = [
    [undefined, 'wss://example.com/websocket'],
    ['/prefix', 'wss://example.com/prefix/websocket'],
    ['/prefix/', 'wss://example.com/prefix/websocket'],
    ['sub/', 'wss://example.com/shop/sub/websocket'],
    ['http://other.org:8000', 'ws://other.org:8000/websocket'],
    ['https://other.org/?a=1#b', 'wss://other.org/websocket?a=1'],
    ['wss://other.org/any/where', 'wss://other.org/any/where'],
  ];
  for (const [given, wanted] of urls) {
    test(`${given} is ${wanted}`, () => assert.equal(dial({}, given).socket.url, wanted));
  }

  test('a page without TLS gets a socket without TLS', () => {
    const window = new FakeWindow();
    window.document.baseURI = 'http://localhost:8000/';
    connect(undefined, { window });
    assert.equal(window.socket.url, 'ws://localhost:8000/websocket');
  });

  test('a WebSocket class can be given', () => {
    let made;
    const WebSocket = class extends FakeSocket {
      constructor(url) {
        super(url);
        made = this;
      }
    };
    dial({ WebSocket });
    assert.equal(made.url, 'wss://example.com/websocket');
  });
});

describe('versions (DDP 1, "Establishing a DDP Connection")', () => {
  const support = ['1', 'pre2', 'pre1'];

  test('connect is the first message', () => {
    const { client, socket } = dial();
    assert.equal(client.status, 'connecting');
    assert.deepEqual(socket.take(), []);
    socket.onopen({});
    assert.deepEqual(socket.take(), [{ msg: 'connect', version: '1', support }]);
    assert.equal(client.status, 'connecting');
    socket.receive({ msg: 'connected', session: 'x' });
    assert.equal(client.status, 'connected');
  });

  test('a version the server prefers is tried at once, and remembered', () => {
    const dialling = dial();
    const { client, window } = dialling;
    dialling.socket.accept({ msg: 'failed', version: 'pre2' });
    assert.equal(window.sockets.length, 2);
    assert.ok(window.sockets[0].isClosed);
    window.socket.accept();
    assert.deepEqual(window.socket.take(), [{ msg: 'connect', version: 'pre2', support }]);
    assert.equal(client.status, 'connected');
    assert.equal(redial(dialling).take()[0].version, 'pre2');
  });

  test('an unknown version fails for good, until told to reconnect', () => {
    const { client, window, clock, socket } = dial();
    const infos = [];
    client.on('status', (...args) => infos.push(args));
    socket.accept({ msg: 'failed', version: '99' });
    assert.equal(client.status, 'failed');
    assert.match(infos[0][1].reason, /another version of DDP: 99/);
    assert.equal(clock.next, undefined);
    client.reconnect();
    assert.equal(client.status, 'connecting');
    assert.equal(window.sockets.length, 2);
  });

  test('a server that refuses every version is not asked for ever', () => {
    const dialling = dial();
    dialling.socket.accept({ msg: 'failed', version: 'pre1' });
    dialling.socket.accept({ msg: 'failed', version: '1' });
    assert.equal(dialling.client.status, 'failed');
    assert.equal(dialling.window.sockets.length, 2);
  });

  test('what was refused once may be agreed on later', () => {
    const dialling = dial();
    dialling.socket.accept({ msg: 'failed', version: 'pre1' });
    dialling.socket.accept();
    dialling.socket.drop();
    dialling.clock.advance(dialling.clock.next);
    dialling.socket.accept({ msg: 'failed', version: '1' });
    dialling.socket.accept({ msg: 'failed', version: 'pre1' });
    assert.equal(dialling.client.status, 'failed');
    dialling.client.reconnect();
    dialling.socket.accept({ msg: 'failed', version: 'pre1' });
    dialling.socket.accept();
    assert.equal(dialling.client.status, 'connected');
  });

  test('the greeting of old servers and "o" of SockJS do no harm', () => {
    const { client, socket } = dial();
    client.on('error', () => {});
    socket.accept({ server_id: '0' }, 'o', { msg: 'connected', session: 'x' });
    assert.equal(client.status, 'connected');
  });
});

describe('reconnecting', () => {
  test('status tells the way, with the delay and the reason', () => {
    const { client, window, clock, socket } = dialled();
    const seen = [];
    client.on('status', (status, info) => seen.push([status, info]));
    socket.drop('Bye.');
    clock.advance(clock.next);
    window.socket.accept();
    assert.deepEqual(seen, [
      ['waiting', { attempt: 1, retryIn: 250, reason: 'Bye.' }],
      ['connecting', { attempt: 1 }],
      ['connected', { attempt: 1, resumed: false }],
    ]);
  });

  const delays = (random) => {
    const { window, clock } = dial({ random });
    return Array.from({ length: 9 }, () => {
      window.socket.drop();
      const delay = clock.next;
      clock.advance(delay);
      return delay;
    });
  };

  test('the first retry is quick, the others grow up to the cap', () => {
    assert.deepEqual(delays(() => 0.5),
      [250, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
  });

  test('retries are spread', () => {
    assert.deepEqual(delays(() => 0).slice(0, 4), [0, 500, 1000, 2000]);
    assert.deepEqual(delays(() => 0.999).slice(0, 4).map(Math.round), [500, 1499, 2998, 5996]);
  });

  test('a connection that stood makes the next retry quick again', () => {
    const dialling = dial();
    const { window, clock, socket } = dialling;
    socket.drop();
    clock.advance(clock.next);
    window.socket.drop();
    clock.advance(clock.next);
    window.socket.accept();
    clock.advance(17_500);
    window.socket.drop();
    assert.equal(clock.next, 250);
  });

  test('a connection that breaks at once does not', () => {
    const dialling = dialled();
    redial(dialling);
    dialling.socket.drop();
    assert.equal(dialling.clock.next, 1000);
  });

  test('a server that does not answer is given up after a while', () => {
    const { client, clock, socket } = dial();
    socket.onopen({});
    clock.advance(9_999);
    assert.equal(client.status, 'connecting');
    clock.advance(1);
    assert.equal(client.status, 'waiting');
    assert.ok(socket.isClosed);
  });

  test('when the network is back the next try is made at once', () => {
    const { client, window, socket } = dialled();
    socket.drop();
    window.dispatchEvent(new Event('online'));
    assert.equal(client.status, 'connecting');
    assert.equal(window.sockets.length, 2);
  });

  test('when the page is looked at again the next try is made at once', () => {
    const { client, window, socket } = dialled();
    socket.drop();
    window.show('hidden');
    window.dispatchEvent(new Event('online'));
    assert.equal(client.status, 'waiting');
    window.show('visible');
    assert.equal(client.status, 'connecting');
  });

  test('events of a socket that was given up are ignored', () => {
    const { client, window, socket } = dialled();
    client.reconnect();
    window.socket.accept();
    const seen = statuses(client);
    socket.drop();
    socket.receive({ msg: 'added', collection: 'book', id: '1' });
    assert.deepEqual(seen, []);
    assert.equal(client.collection('book').size, 0);
  });

  test('reconnect() replaces a connection that works', () => {
    const { client, window, socket } = dialled();
    const seen = statuses(client);
    client.reconnect();
    window.socket.accept();
    assert.ok(socket.isClosed);
    assert.deepEqual(seen, ['connecting', 'connected']);
  });

  test('reconnect() makes the next retry quick again', () => {
    const { client, window, clock, socket } = dial();
    socket.drop();
    clock.advance(clock.next);
    client.reconnect();
    window.socket.drop();
    assert.equal(clock.next, 250);
  });

  test('close() lets go of the window, so that nothing is kept alive', () => {
    const { client, window } = dial();
    const signals = new Map();
    for (const target of [window, window.document]) {
      target.addEventListener = (name, listener, { signal }) => {
        assert.ok(!signals.has(name), name);
        signals.set(name, signal);
      };
    }
    client.close();
    client.reconnect();
    client.reconnect();
    assert.deepEqual([...signals.keys()].sort(), ['offline', 'online', 'pagehide', 'visibilitychange']);
    assert.ok([...signals.values()].every(({ aborted }) => !aborted));
    client.close();
    assert.ok([...signals.values()].every(({ aborted }) => aborted));
  });

  test('works without a browser', () => {
    const { clock, WebSocket, sockets } = new FakeWindow();
    const { setTimeout, clearTimeout } = clock;
    const client = connect('http://a.b', { window: { setTimeout, clearTimeout }, WebSocket });
    sockets[0].accept();
    assert.equal(client.status, 'connected');
    client.close();
  });

  test('close() ends it until reconnect()', () => {
    const { client, window, clock, socket } = dialled();
    const seen = statuses(client);
    client.close();
    assert.ok(socket.isClosed);
    socket.onclose({ code: 1000, reason: '' });
    assert.equal(clock.next, undefined);
    window.dispatchEvent(new Event('online'));
    window.show('visible');
    assert.deepEqual(seen, ['offline']);
    client.reconnect();
    window.socket.accept();
    assert.deepEqual(seen, ['offline', 'connecting', 'connected']);
  });

  test('close() while waiting ends the waiting', () => {
    const { client, window, clock, socket } = dialled();
    socket.drop();
    client.close();
    clock.advance(1e6);
    assert.equal(window.sockets.length, 1);
    assert.equal(client.status, 'offline');
  });
});

describe('heartbeat', () => {
  test('ping is answered, with its id if it has one', () => {
    const { socket } = dialled();
    socket.receive({ msg: 'ping', id: 'a' }, { msg: 'ping' });
    assert.deepEqual(socket.take(), [{ msg: 'pong', id: 'a' }, { msg: 'pong' }]);
  });

  test('a silent server is asked, and dropped when it stays silent', () => {
    const { client, clock, socket } = dialled();
    clock.advance(17_500);
    assert.deepEqual(socket.take(), []);
    clock.advance(17_500);
    assert.deepEqual(socket.take(), [{ msg: 'ping' }]);
    clock.advance(14_999);
    assert.equal(client.status, 'connected');
    clock.advance(1);
    assert.equal(client.status, 'waiting');
    assert.ok(socket.isClosed);
  });

  test('any message counts as an answer', () => {
    const { client, clock, socket } = dialled();
    clock.advance(35_000);
    socket.receive({ msg: 'added', collection: 'book', id: '1' });
    clock.advance(15_000);
    assert.equal(client.status, 'connected');
  });

  test('a server that talks is not asked', () => {
    const { client, clock, socket } = dialled();
    for (let i = 0; i < 20; i += 1) {
      clock.advance(15_000);
      socket.receive({ msg: 'pong' });
    }
    assert.deepEqual(socket.take(), []);
    assert.equal(client.status, 'connected');
  });

  test('a page that wakes up asks at once', () => {
    const { client, window, clock, socket } = dialled();
    window.show('hidden');
    assert.deepEqual(socket.take(), []);
    window.show('visible');
    window.dispatchEvent(new Event('online'));
    assert.deepEqual(socket.take(), [{ msg: 'ping' }]);
    clock.advance(15_000);
    assert.equal(client.status, 'waiting');
  });

  test('a network that is gone is not waited for', () => {
    const { client, window, clock, socket } = dialled();
    window.dispatchEvent(new Event('offline'));
    assert.deepEqual(socket.take(), [{ msg: 'ping' }]);
    clock.advance(15_000);
    assert.equal(client.status, 'waiting');
    window.dispatchEvent(new Event('offline'));
    assert.equal(client.status, 'waiting');
  });

  test('pre1 has none', () => {
    const dialling = dial();
    dialling.socket.accept({ msg: 'failed', version: 'pre1' });
    dialling.socket.accept().take();
    dialling.clock.advance(100_000);
    assert.deepEqual(dialling.socket.take(), []);
    assert.equal(dialling.client.status, 'connected');
  });
});

describe('errors of the protocol', () => {
  const errors = (client) => {
    const seen = [];
    client.on('error', (error) => seen.push(error));
    return seen;
  };

  test('an error message is reported', () => {
    const { client, socket } = dialled();
    const seen = errors(client);
    socket.receive({ msg: 'error', reason: 'Bad request', offendingMessage: { msg: 'x' } });
    assert.equal(seen[0].reason, 'Bad request');
    assert.deepEqual(seen[0].details, { msg: 'x' });
  });

  test('a message that makes no sense is reported and the session goes on', () => {
    const { client, socket } = dialled();
    const seen = errors(client);
    socket.receive('{', 'null', { msg: 'ready' }, { msg: 'who knows' }, { msg: 'toString' });
    socket.receive({ msg: 'added', collection: 'book', id: '1' });
    assert.deepEqual(seen.map(({ error, details }) => [error, details]),
      [['bad-message', '{'], ['bad-message', 'null'], ['bad-message', '{"msg":"ready"}']]);
    assert.equal(client.collection('book').size, 1);
  });

  test('without a listener they go to the console', (context) => {
    const warn = context.mock.method(console, 'warn', () => {});
    dialled().socket.receive('{');
    assert.equal(warn.mock.callCount(), 1);
  });
});
