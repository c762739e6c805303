import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { describe, test } from 'node:test';

import { connect } from '../../src/dddp/static/dddp/accounts.js';
import { FakeWindow, outcome, redial, resume, turn } from './fakes.mjs';

const DIGEST = {
  digest: '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8', algorithm: 'sha-256',
}; // of "password"
const TOMORROW = Date.now() + 86_400_000;
const AMBIGUOUS = { error: 403, reason: 'Something went wrong. Please check your credentials.' };
const LOGGED_OUT = { error: 403, reason: "You've been logged out by the server." };
const ada = { msg: 'added', collection: 'users', id: '7', fields: { username: 'ada' } };
const adaGone = { msg: 'removed', collection: 'users', id: '7' };

class FakeStorage {
  items = new Map();

  getItem(key) { return this.items.get(key) ?? null; }
  setItem(key, value) { this.items.set(key, value); }
  removeItem(key) { this.items.delete(key); }

  keep(token, expires = TOMORROW) {
    this.setItem('dddp.login', JSON.stringify({ token, expires }));
  }

  get token() {
    return JSON.parse(this.getItem('dddp.login'))?.token;
  }
}

/** What another tab has done to the storage. */
const storageEvent = (storageArea, key = 'dddp.login') =>
  Object.assign(new Event('storage'), { key, storageArea });

function dial({ storage = new FakeStorage(), url = undefined, crypto = webcrypto, ...options } = {}) {
  const window = Object.assign(new FakeWindow(), { localStorage: storage, crypto });
  const client = connect(url, { window, random: () => 0.5, ...options });
  const told = [];
  client.on('user', (user, info) => told.push({ user: user?.username ?? null, ...info }));
  return {
    client, window, clock: window.clock, storage, told, get socket() { return window.socket; },
  };
}

function dialled(options) {
  const dialling = dial(options);
  dialling.socket.accept().take();
  return dialling;
}

const loggedIn = (token = 't1') => ({ id: '7', token, tokenExpires: { $date: TOMORROW }, type: 'x' });

/** Answer the oldest method the client has sent since the last time. */
async function answer(socket, part, ...before) {
  await sent(socket);
  const method = socket.methods.shift();
  socket.receive(...before, { msg: 'updated', methods: [method.id] },
    { msg: 'result', id: method.id, ...part });
  await turn();
  return method;
}

/** A digest takes the time it takes. */
async function sent(socket) {
  socket.methods ??= [];
  for (;;) {
    socket.methods.push(...socket.take().filter(({ msg }) => msg === 'method'));
    if (socket.methods.length) return;
    await turn();
  }
}

async function logIn(dialling, token) {
  const promise = dialling.client.loginWithPassword('ada', 'password');
  await answer(dialling.socket, { result: loggedIn(token) }, ada);
  await promise;
}

describe('login with a password', () => {
  for (const [user, selector] of [
    ['ada', { username: 'ada' }],
    ['ada@example.org', { email: 'ada@example.org' }],
    [{ id: '7' }, { id: '7' }],
  ]) {
    test(`of ${JSON.stringify(user)}`, async () => {
      const { client, socket } = dialled();
      const promise = client.loginWithPassword(user, 'password');
      const { method, params } = await answer(socket, { result: loggedIn() }, ada);
      assert.equal(method, 'login');
      assert.deepEqual(params, [{ user: selector, password: DIGEST }]);
      assert.equal(await promise, '7');
      assert.equal(client.userId, '7');
      assert.equal(client.user().username, 'ada');
    });
  }

  test('tells so', async () => {
    const dialling = dialled();
    assert.equal(dialling.client.user(), null);
    assert.equal(dialling.client.loggingIn, false);
    await logIn(dialling);
    assert.deepEqual([dialling.told[0], dialling.told.at(-1)], [
      { user: null, userId: null, loggingIn: true, error: undefined },
      { user: 'ada', userId: '7', loggingIn: false, error: undefined },
    ]);
  });

  test('tells of changes of the document, and of no other one', async () => {
    const { client, socket, told, ...dialling } = dialled();
    await logIn({ client, socket });
    told.length = 0;
    socket.receive({ ...ada, id: '8', fields: { username: 'bob' } });
    dialling.clock.advance(16);
    assert.deepEqual(told, []);
    socket.receive({ msg: 'changed', collection: 'users', id: '7', fields: { username: 'Ada' } });
    dialling.clock.advance(16);
    assert.deepEqual(told.map(({ user }) => user), ['Ada']);
  });

  test('that is wrong rejects and changes nothing', async () => {
    const { client, socket, storage } = dialled();
    const failed = assert.rejects(client.loginWithPassword('ada', 'password'), { error: 403 });
    await answer(socket, { error: AMBIGUOUS });
    await failed;
    assert.equal(client.userId, null);
    assert.equal(client.loggingIn, false);
    assert.equal(storage.token, undefined);
  });

  test('sends what it is if the server asks for that', async () => {
    const { client, socket } = dialled();
    const promise = client.loginWithPassword('ada', 'password');
    await answer(socket, { error: { ...AMBIGUOUS, details: { plainPassword: true } } });
    const { params } = await answer(socket, { result: loggedIn() });
    assert.deepEqual(params, [{ user: { username: 'ada' }, password: 'password' }]);
    assert.equal(await promise, '7');
  });

  test('never sends what it is with plainPasswords: false', async () => {
    const { client, socket } = dialled({ plainPasswords: false });
    const failed = assert.rejects(client.loginWithPassword('ada', 'password'), { error: 403 });
    await answer(socket, { error: { ...AMBIGUOUS, details: { plainPassword: true } } });
    await failed;
    assert.deepEqual(socket.take(), []);
  });

  test('sends what it is where there is no Web Crypto', async () => {
    const { client, socket } = dialled({ crypto: {} });
    client.loginWithPassword('ada', 'password');
    const { params } = await answer(socket, { result: loggedIn() });
    assert.equal(params[0].password, 'password');
  });

  for (const [url, may] of [
    ['http://example.com', false], ['ws://example.com/x', false],
    ['http://localhost.example.com', false], ['https://example.com', true],
    ['http://localhost:8000', true], ['http://127.0.0.1', true], ['http://[::1]:80', true],
  ]) {
    test(`is ${may ? '' : 'not '}sent to ${url}`, async () => {
      const { client, socket } = dialled({ url });
      const promise = client.loginWithPassword('ada', 'password').catch(({ error }) => error);
      if (may) await answer(socket, { result: loggedIn() });
      assert.equal(await promise, may ? '7' : 'insecure');
      assert.deepEqual(socket.take(), []);
    });
  }

  test('is sent over a plain connection if that is wanted', async () => {
    const { client, socket } = dialled({ url: 'http://example.com', insecurePasswords: true });
    client.loginWithPassword('ada', 'password');
    await answer(socket, { result: loggedIn() });
    assert.equal(client.userId, '7');
  });

  test('is not sent twice when the connection is lost', async () => {
    const dialling = dialled();
    const promise = dialling.client.loginWithPassword('ada', 'password');
    await sent(dialling.socket);
    redial(dialling);
    assert.equal((await outcome(promise)).error.error, 'invocation-failed');
    assert.deepEqual(dialling.socket.take().slice(1), []);
  });
});

describe('other methods', () => {
  for (const [name, args, method, params] of [
    ['createUser', [{ username: 'ada', password: 'password', profile: { name: 'Ada' } }],
      'createUser', [{ username: 'ada', profile: { name: 'Ada' }, password: DIGEST }]],
    ['createUser', [{ email: 'ada@example.org' }], 'createUser', [{ email: 'ada@example.org' }]],
    ['resetPassword', ['link', 'password'], 'resetPassword', ['link', DIGEST]],
    ['verifyEmail', ['link'], 'verifyEmail', ['link']],
    ['loginWithToken', ['t0'], 'login', [{ resume: 't0' }]],
    ['login', [{ badge: 5 }], 'login', [{ badge: 5 }]],
  ]) {
    test(`${name}(${JSON.stringify(args).slice(1, -1)}) logs in`, async () => {
      const { client, socket, storage } = dialled();
      const promise = client[name](...args);
      const message = await answer(socket, { result: loggedIn('new') });
      assert.deepEqual([message.method, message.params], [method, params]);
      assert.equal(await promise, '7');
      assert.equal(storage.token, 'new');
    });
  }

  test('changePassword sends both passwords, plain ones if asked', async () => {
    const { client, socket } = dialled();
    const promise = client.changePassword('password', 'another');
    const first = await answer(socket, { error: { error: 400, details: { plainPassword: true } } });
    assert.deepEqual(first.params[0], DIGEST);
    assert.match(first.params[1].digest, /^[0-9a-f]{64}$/);
    const second = await answer(socket, { result: { passwordChanged: true } });
    assert.deepEqual(second.params, ['password', 'another']);
    assert.deepEqual(await outcome(promise), { value: undefined });
  });

  test('forgotPassword asks for a mail', async () => {
    const { client, socket } = dialled();
    client.forgotPassword('ada@example.org');
    const { method, params } = await answer(socket, {});
    assert.deepEqual([method, params], ['forgotPassword', [{ email: 'ada@example.org' }]]);
  });

  test('logoutOtherClients goes on with another token before it drops the others', async () => {
    const dialling = dialled();
    const { client, socket, storage } = dialling;
    await logIn(dialling);
    const promise = client.logoutOtherClients();
    assert.equal((await answer(socket, { result: loggedIn('t2') })).method, 'getNewToken');
    assert.equal(storage.token, 't2');
    assert.equal((await answer(socket, {})).method, 'removeOtherTokens');
    assert.deepEqual(await outcome(promise), { value: undefined });
  });

  test('logout', async () => {
    const dialling = dialled();
    const { client, socket, storage, told } = dialling;
    await logIn(dialling);
    const promise = client.logout();
    assert.equal((await answer(socket, {}, adaGone)).method, 'logout');
    await promise;
    assert.equal(client.userId, null);
    assert.equal(client.user(), null);
    assert.equal(storage.token, undefined);
    assert.equal(told.at(-1).userId, null);
    assert.deepEqual(redial(dialling).take().slice(1), []);
  });

  test('logout forgets the token even if nobody can be told', async () => {
    const dialling = dialled();
    const { client, storage } = dialling;
    await logIn(dialling);
    client.close();
    assert.equal((await outcome(client.logout())).error.error, 'closed');
    assert.equal(storage.token, undefined);
    assert.equal(client.userId, null);
  });
});

const names = (messages) => messages.map(({ msg, method, name }) => method ?? name ?? msg);

describe('a new connection', () => {
  test('logs in before it sends anything else', async () => {
    const dialling = dialled();
    await logIn(dialling);
    dialling.client.subscribe('Books');
    dialling.client.call('m');
    const messages = redial(dialling).take();
    assert.deepEqual(names(messages), ['connect', 'login', 'm', 'Books']);
    assert.deepEqual(messages[1].params, [{ resume: 't1' }]);
  });

  test('shows the user of the one before until it has logged in', async () => {
    const dialling = dialled();
    const { client, told } = dialling;
    await logIn(dialling);
    told.length = 0;
    const socket = redial(dialling);
    assert.equal(client.user().username, 'ada');
    assert.equal(client.loggingIn, false);
    await answer(socket, { result: loggedIn() }, ada);
    assert.equal(client.user().username, 'ada');
    assert.ok(told.every(({ user }) => user === 'ada'));
  });

  test('which the server logs out', async () => {
    const dialling = dialled();
    const { client, told, storage } = dialling;
    await logIn(dialling);
    const socket = redial(dialling);
    await answer(socket, { error: LOGGED_OUT });
    assert.equal(client.userId, null);
    assert.equal(client.user(), null);
    assert.equal(storage.token, undefined);
    assert.equal(told.at(-1).error.reason, LOGGED_OUT.reason);
    assert.deepEqual(names(redial(dialling).take()), ['connect']);
  });

  test('keeps the token when the server cannot tell', async () => {
    const dialling = dialled();
    const { client, told, storage } = dialling;
    await logIn(dialling);
    await answer(redial(dialling), { error: { error: 500, reason: 'Internal server error' } });
    assert.equal(client.userId, null);
    assert.equal(client.loggingIn, false);
    assert.equal(told.at(-1).error.error, 500);
    assert.equal(storage.token, 't1');
    await answer(redial(dialling), { result: loggedIn() }, ada);
    assert.equal(client.user().username, 'ada');
  });

  test('that is lost before it has logged in is followed by one that does', async () => {
    const dialling = dialled();
    await logIn(dialling);
    redial(dialling);
    const messages = redial(dialling).take();
    await turn();
    assert.deepEqual(names(messages), ['connect', 'login']);
    assert.equal(dialling.client.userId, '7');
  });

  test('logs in with a token that came too late for it', async () => {
    const dialling = dialled();
    const { client, socket } = dialling;
    const { id } = client.subscribe('Books');
    socket.receive({ msg: 'ready', subs: [id] });
    const between = redial(dialling);
    client.loginWithPassword('ada', 'password');
    await answer(between, { result: loggedIn() }, ada); // waits for Books, which never come
    const last = redial(dialling);
    last.receive({ msg: 'ready', subs: [id] });
    const { params } = await answer(last, { result: loggedIn() }, ada);
    assert.deepEqual(params, [{ resume: 't1' }]);
    assert.equal(client.user().username, 'ada');
  });
});

describe('a session that is resumed', () => {
  test('is still logged in', async () => {
    const dialling = dialled();
    const { client, told } = dialling;
    await logIn(dialling);
    told.length = 0;
    assert.deepEqual(names(resume(dialling).take()), ['connect']);
    assert.equal(client.user().username, 'ada');
    assert.deepEqual(told, []);
  });

  test('logs in again if the server could not tell before', async () => {
    const dialling = dialled();
    await logIn(dialling);
    await answer(redial(dialling), { error: { error: 500, reason: 'Internal server error' } });
    await answer(resume(dialling), { result: loggedIn() }, ada);
    assert.equal(dialling.client.user().username, 'ada');
  });

  for (const [what, change] of [
    ['out', (storage) => storage.items.clear()],
    ['in', (storage) => storage.keep('theirs')],
  ]) {
    test(`is not wanted when another tab has logged ${what} meanwhile`, async () => {
      const dialling = dialled();
      const { storage, window, clock } = dialling;
      await logIn(dialling);
      dialling.socket.drop();
      change(storage);
      window.dispatchEvent(storageEvent(storage));
      clock.advance(clock.next);
      const [connect, login] = dialling.socket.accept().take();
      assert.ok(!('session' in connect));
      assert.deepEqual(login?.params, storage.token && [{ resume: 'theirs' }]);
    });
  }
});

describe('a stored login', () => {
  test('is resumed by the next page', async () => {
    const storage = new FakeStorage();
    storage.keep('t0');
    const { client, socket } = dial({ storage });
    assert.equal(client.loggingIn, true);
    assert.equal(client.userId, null);
    client.subscribe('Books');
    const messages = socket.accept().take();
    assert.deepEqual(names(messages), ['connect', 'login', 'Books']);
    assert.deepEqual(messages[1].params, [{ resume: 't0' }]);
    socket.methods = [messages[1]];
    await answer(socket, { result: loggedIn('t0') }, ada);
    assert.equal(client.user().username, 'ada');
    assert.equal(client.loggingIn, false);
    assert.equal(storage.token, 't0');
  });

  test('that has expired is not sent, and dropped', () => {
    const storage = new FakeStorage();
    storage.keep('t0', Date.now() - 1);
    const { client, socket } = dial({ storage });
    assert.deepEqual(names(socket.accept().take()), ['connect']);
    assert.equal(client.loggingIn, false);
    assert.equal(storage.token, undefined);
  });

  test('expires on a page, too', async () => {
    const dialling = dialled();
    const { client, socket, told } = dialling;
    const promise = client.loginWithPassword('ada', 'password');
    await answer(socket, { result: { ...loggedIn(), tokenExpires: { $date: Date.now() - 1 } } }, ada);
    await promise;
    assert.deepEqual(names(redial(dialling).take()), ['connect']);
    assert.equal(client.userId, null);
    assert.equal(told.at(-1).error.error, 'expired');
  });

  for (const rubbish of ['', '{', 'null', '5', '"t0"', '{"token": 5}']) {
    test(`is none if it is ${rubbish || 'empty'}`, () => {
      const storage = new FakeStorage();
      storage.setItem('dddp.login', rubbish);
      assert.deepEqual(names(dial({ storage }).socket.accept().take()), ['connect']);
    });
  }

  test('may have another place and name', async () => {
    const elsewhere = new FakeStorage();
    const dialling = dialled({ url: undefined });
    const other = dial({ storage: elsewhere, storageKey: 'mine' });
    other.socket.accept().take();
    await logIn(other);
    assert.equal(JSON.parse(elsewhere.getItem('mine')).token, 't1');
    assert.equal(dialling.storage.token, undefined);
  });

  test('may be for this page only', async () => {
    const window = Object.assign(new FakeWindow(), { localStorage: new FakeStorage(), crypto: webcrypto });
    const client = connect(undefined, { window, storage: null, random: () => 0.5 });
    const dialling = { client, window, clock: window.clock, get socket() { return window.socket; } };
    window.socket.accept().take();
    await logIn(dialling);
    assert.equal(window.localStorage.items.size, 0);
    assert.deepEqual(names(redial(dialling).take()), ['connect', 'login']);
  });

  test('is for this page only where the browser forbids storage', async () => {
    const refuse = () => { throw new Error('SecurityError'); };
    const storage = { getItem: refuse, setItem: refuse, removeItem: refuse };
    const dialling = dialled({ storage });
    await logIn(dialling);
    assert.deepEqual(names(redial(dialling).take()), ['connect', 'login']);
  });

  test('is for this page only where the browser forbids to look at it', async () => {
    const window = Object.assign(new FakeWindow(), { crypto: webcrypto });
    Object.defineProperty(window, 'localStorage', { get() { throw new Error('SecurityError'); } });
    const client = connect(undefined, { window });
    assert.equal(client.userId, null);
  });
});

describe('another tab', () => {
  test('that logs in has this one log in', async () => {
    const { client, socket, storage, window } = dialled();
    storage.keep('theirs');
    window.dispatchEvent(storageEvent(storage));
    const { params } = await answer(socket, { result: loggedIn('theirs') }, ada);
    assert.deepEqual(params, [{ resume: 'theirs' }]);
    assert.equal(client.user().username, 'ada');
  });

  for (const key of ['dddp.login', null]) {
    test(`that ${key ? 'logs out' : 'clears the storage'} has this one log out`, async () => {
      const dialling = dialled();
      const { client, socket, storage, window } = dialling;
      await logIn(dialling);
      storage.items.clear();
      window.dispatchEvent(storageEvent(storage, key));
      assert.equal((await answer(socket, {}, adaGone)).method, 'logout');
      assert.equal(client.userId, null);
    });
  }

  test('that logs out while there is no connection', async () => {
    const dialling = dialled();
    const { client, socket, storage, window } = dialling;
    await logIn(dialling);
    socket.drop();
    storage.items.clear();
    window.dispatchEvent(storageEvent(storage));
    assert.equal(client.userId, null);
    assert.deepEqual(names(redial(dialling).take()), ['connect']);
  });

  test('may do with other items what it likes', async () => {
    const dialling = dialled();
    await logIn(dialling);
    dialling.window.dispatchEvent(storageEvent(dialling.storage, 'theirs'));
    dialling.window.dispatchEvent(storageEvent(new FakeStorage()));
    assert.deepEqual(dialling.socket.take(), []);
  });

  test('that has a newer token keeps it when this one has lost its own', async () => {
    const dialling = dialled();
    const { client, storage } = dialling;
    await logIn(dialling);
    const socket = redial(dialling);
    storage.keep('newer');
    await answer(socket, { error: LOGGED_OUT });
    const { params } = await answer(socket, { result: loggedIn('newer') }, ada);
    assert.deepEqual(params, [{ resume: 'newer' }]);
    assert.equal(client.user().username, 'ada');
    assert.equal(storage.token, 'newer');
  });
});
