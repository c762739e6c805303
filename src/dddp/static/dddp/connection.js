/**
 * One DDP session after another over WebSockets: version negotiation, heartbeat, reconnecting,
 * resuming a session on the next connection. What the messages are about is the business of ddp.js.
 */

/** DDP versions spoken here, the preferred one first. */
const VERSIONS = ['1', 'pre2', 'pre1'];

/** Not counted when a session is resumed (Meteor 3.5). */
const HEARTBEATS = new Set(['ping', 'pong']);

/** Milliseconds. The heartbeat and the limit for connecting are those of Meteor's client. */
const DEFAULTS = {
  connectTimeout: 10_000,
  heartbeatInterval: 17_500,
  heartbeatTimeout: 15_000,
  firstRetry: 500,
  retryBase: 1_000,
  retryFactor: 2,
  retryCap: 60_000,
};

/** Named timers, one of a name at a time, on a clock that tests can replace. */
export class Timers {
  #clock;
  /** @type {Map<string, unknown>} */
  #handles = new Map();

  /** @param {any} clock with setTimeout and clearTimeout */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @param {string} name */
  has(name) {
    return this.#handles.has(name);
  }

  /** @param {string} name @param {number} delay milliseconds @param {() => void} act */
  start(name, delay, act) {
    this.stop(name);
    this.#handles.set(name, this.#clock.setTimeout(() => {
      this.#handles.delete(name);
      act();
    }, delay));
  }

  /** @param {string} name */
  stop(name) {
    if (this.has(name)) this.#clock.clearTimeout(this.#handles.get(name));
    this.#handles.delete(name);
  }
}

/** @param {string | undefined} url @param {any} window @returns {string} */
export function websocketUrl(url, window) {
  const absolute = new URL(url ?? '/', window.document?.baseURI);
  if (absolute.protocol.startsWith('ws')) return absolute.href;
  absolute.protocol = absolute.protocol.replace('http', 'ws');
  absolute.pathname = `${absolute.pathname.replace(/\/$/, '')}/websocket`;
  absolute.hash = '';
  return absolute.href;
}

/**
 * @typedef {object} Listener
 * @property {(status: import('./ddp.d.ts').Status, info: import('./ddp.d.ts').StatusInfo) => void} status
 * @property {(message: any) => void} message
 * @property {(data: unknown, cause: unknown) => void} nonsense a message nobody could make use of
 */

export class Connection {
  /** @type {import('./ddp.d.ts').Status} */
  status = 'offline';
  #url;
  /** @type {any} */
  #options;
  /** @type {any} */
  #window;
  #listener;
  #timers;
  /** @type {AbortController | null} */
  #watching = null;
  /** @type {WebSocket | null} */
  #socket = null;
  #version = VERSIONS[0];
  /** @type {Set<string>} versions the server refused since it last agreed */
  #refused = new Set();
  /** Tries since a connection last stood for a heartbeat interval. */
  #attempt = 0;
  /** A message came since the last beat. */
  #heard = false;
  /** @type {string | null} the session that the server has, or still keeps for this client */
  #session = null;
  /** How many messages of that session have come. */
  #received = 0;
  /** This connection has asked for that session, and the server has not answered. */
  #isResuming = false;

  /**
   * @param {string | undefined} url
   * @param {import('./ddp.d.ts').Options} options
   * @param {Listener} listener
   */
  constructor(url, options, listener) {
    this.#options = { random: Math.random, ...DEFAULTS, ...options };
    this.#window = options.window ?? globalThis;
    this.#url = websocketUrl(url, this.#window);
    this.#listener = listener;
    this.#timers = new Timers(this.#window);
  }

  /** @param {string} text one message; only to be called while connected */
  send(text) {
    this.#socket?.send(text);
  }

  /** Connect anew at once, whatever the state. */
  open() {
    this.#attempt = 0;
    this.#abandon();
    this.#watch();
    this.#dial();
  }

  close() {
    if (this.status === 'connected') this.#tell({ msg: 'disconnect' });
    this.#giveUp('offline');
  }

  /** The next connection begins a new session. */
  forget() {
    this.#session = null;
    if (!this.#isResuming) return;
    this.#abandon();
    this.#dial();
  }

  #dial() {
    const socket = new (this.#options.WebSocket ?? this.#window.WebSocket)(this.#url);
    const ifCurrent = (/** @type {(event: any) => void} */ act) => (/** @type {any} */ event) => {
      if (socket === this.#socket) act(event);
    };
    socket.onopen = ifCurrent(() => this.#greet());
    socket.onmessage = ifCurrent(({ data }) => this.#receive(data));
    socket.onclose = ifCurrent(({ reason }) => this.#lost(reason || 'The connection was closed.'));
    socket.onerror = () => {}; // a close event follows and tells the same
    this.#socket = socket;
    this.#timers.start('connect', this.#options.connectTimeout, () => {
      this.#lost('The server did not answer in time.');
    });
    this.#setStatus('connecting');
  }

  /** A dead socket may take minutes to close: forget it now. */
  #abandon() {
    const socket = this.#socket;
    this.#socket = null;
    this.#isResuming = false;
    for (const name of ['connect', 'beat', 'pong', 'retry']) this.#timers.stop(name);
    socket?.close();
  }

  /** @param {string} reason */
  #lost(reason) {
    this.#abandon();
    const retryIn = this.#retryDelay();
    this.#attempt += 1;
    this.#timers.start('retry', retryIn, () => this.#dial());
    this.#setStatus('waiting', { retryIn, reason });
  }

  /** Spread widely: the clients of a restarted server must not all come back in one moment. */
  #retryDelay() {
    const { random, firstRetry, retryBase, retryFactor, retryCap } = this.#options;
    if (this.#attempt === 0) return firstRetry * random();
    return Math.min(retryCap, retryBase * retryFactor ** (this.#attempt - 1) * (0.5 + random()));
  }

  /** @param {'offline' | 'failed'} status @param {string} [reason] */
  #giveUp(status, reason) {
    this.#abandon();
    this.#watching?.abort();
    this.#watching = null;
    this.#session = null;
    this.#refused.clear();
    this.#setStatus(status, { reason });
  }

  /** @param {import('./ddp.d.ts').Status} status @param {object} [info] */
  #setStatus(status, info = {}) {
    this.status = status;
    this.#listener.status(status, { attempt: this.#attempt, ...info });
  }

  /** The network may come back, or the computer wake up, long before the next try or beat. */
  #watch() {
    if (this.#watching || !this.#window.addEventListener) return;
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    const { document } = this.#window;
    const wake = () => {
      if (document?.visibilityState === 'hidden') return;
      if (this.status === 'waiting') this.open();
      else if (this.status === 'connected') this.#ping();
    };
    this.#window.addEventListener('online', wake, { signal });
    this.#window.addEventListener('offline', () => {
      if (this.status === 'connected') this.#ping();
    }, { signal });
    this.#window.addEventListener('pagehide', (/** @type {any} */ { persisted }) => {
      if (!persisted && this.status === 'connected') this.#tell({ msg: 'disconnect' });
    }, { signal });
    document?.addEventListener('visibilitychange', wake, { signal });
  }

  /** @param {object} message */
  #tell(message) {
    this.send(JSON.stringify(message));
  }

  /** Say hello, and what came of the session before (Meteor 3.5). */
  #greet() {
    this.#isResuming = this.#session !== null;
    const before = this.#isResuming && { session: this.#session, receivedCount: this.#received };
    this.#tell({ msg: 'connect', version: this.#version, support: VERSIONS, ...before });
  }

  /** @param {string} data */
  #receive(data) {
    this.#heard = true;
    this.#timers.stop('pong');
    try {
      const message = JSON.parse(data);
      if (!HEARTBEATS.has(message.msg)) this.#received += 1;
      if (message.msg === 'connected') this.#agreed(message.session);
      else if (message.msg === 'failed') this.#disagreed(message.version);
      else if (message.msg === 'ping') this.#tell({ msg: 'pong', id: message.id });
      else if (this.status === 'connected') this.#listener.message(message);
    } catch (cause) {
      this.#listener.nonsense(data, cause);
    }
  }

  /** @param {string | undefined} session the one before, if the server has kept it */
  #agreed(session) {
    const resumed = this.#isResuming && session === this.#session;
    if (!resumed) {
      this.#session = session ?? null;
      this.#received = 1;
    }
    this.#isResuming = false;
    this.#timers.stop('connect');
    this.#refused.clear();
    this.#beat();
    this.#setStatus('connected', { resumed });
  }

  /** @param {string} version what the server wants (DDP 1, "Establishing a DDP Connection") */
  #disagreed(version) {
    this.#refused.add(this.#version);
    if (!VERSIONS.includes(version) || this.#refused.has(version)) {
      this.#giveUp('failed', `The server speaks another version of DDP: ${version}.`);
      return;
    }
    this.#version = version;
    this.#abandon();
    this.#dial();
  }

  #beat() {
    this.#timers.start('beat', this.#options.heartbeatInterval, () => {
      this.#attempt = 0;
      if (!this.#heard) this.#ping();
      this.#heard = false;
      this.#beat();
    });
  }

  /** Any message counts as the answer. */
  #ping() {
    if (this.#version === 'pre1' || this.#timers.has('pong')) return;
    this.#tell({ msg: 'ping' });
    this.#timers.start('pong', this.#options.heartbeatTimeout, () => {
      this.#lost('The server does not answer any more.');
    });
  }
}
