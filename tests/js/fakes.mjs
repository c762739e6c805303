/** A browser window without a browser: a clock that only moves when told, sockets a test serves. */

import { connect } from '../../src/dddp/static/dddp/ddp.js';

export class FakeClock {
  now = 0;
  #due = new Map();
  #count = 0;

  setTimeout = (act, delay) => {
    this.#count += 1;
    this.#due.set(this.#count, { at: this.now + delay, act });
    return this.#count;
  };

  clearTimeout = (handle) => void this.#due.delete(handle);

  /** Milliseconds until the next timer, undefined without one. */
  get next() {
    const times = [...this.#due.values()].map(({ at }) => at);
    return times.length ? Math.min(...times) - this.now : undefined;
  }

  advance(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      const [handle, timer] = [...this.#due].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!timer || timer.at > end) break;
      this.#due.delete(handle);
      this.now = timer.at;
      timer.act();
    }
    this.now = end;
  }
}

let sessions = 0;

export class FakeSocket {
  sent = [];
  isClosed = false;

  constructor(url) {
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  /** The messages sent since the last time this was asked. */
  take() {
    return this.sent.splice(0);
  }

  receive(...messages) {
    for (const message of messages) {
      this.onmessage({ data: typeof message === 'string' ? message : JSON.stringify(message) });
    }
  }

  /** Accept the connection and, unless told otherwise, open a new session. */
  accept(...messages) {
    this.onopen({});
    if (messages.length) {
      this.receive(...messages);
    } else {
      sessions += 1;
      this.receive({ msg: 'connected', session: `session${sessions}` });
    }
    return this;
  }

  /** Accept the connection and go on with the session that is asked for. */
  resume() {
    this.onopen({});
    this.receive({ msg: 'connected', session: this.sent.at(-1).session });
    return this;
  }

  drop(reason = '') {
    this.isClosed = true;
    this.onclose({ code: 1006, reason });
  }
}

export class FakeWindow extends EventTarget {
  sockets = [];
  clock = new FakeClock();
  setTimeout = this.clock.setTimeout;
  clearTimeout = this.clock.clearTimeout;
  document = Object.assign(new EventTarget(), {
    baseURI: 'https://example.com/shop/page.html?q=1#top', visibilityState: 'visible',
  });

  WebSocket = ((sockets) => class extends FakeSocket {
    constructor(url) {
      super(url);
      sockets.push(this);
    }
  })(this.sockets);

  get socket() {
    return this.sockets.at(-1);
  }

  show(visibilityState) {
    this.document.visibilityState = visibilityState;
    this.document.dispatchEvent(new Event('visibilitychange'));
  }
}

/** A client in a fake window; `random` is fixed so that delays can be told. */
export function dial(options = {}, url = undefined) {
  const window = new FakeWindow();
  const client = connect(url, { window, random: () => 0.5, ...options });
  return { client, window, clock: window.clock, get socket() { return window.socket; } };
}

/** The same with an open session, whose messages so far are taken. */
export function dialled(options = {}) {
  const dial_ = dial(options);
  dial_.socket.accept().take();
  return dial_;
}

/** Lose the connection and wait for the next try. */
function dropped({ window, clock }) {
  const lost = window.socket;
  lost.drop();
  while (window.socket === lost) clock.advance(clock.next);
  return window.socket;
}

/** Lose the connection, wait for the next try and open a new session on it. */
export const redial = (dialling) => dropped(dialling).accept();

/** Lose the connection, wait for the next try and go on with the session. */
export const resume = (dialling) => dropped(dialling).resume();

export const book = (id, fields) => ({ msg: 'added', collection: 'book', id, fields });

/** Let promises that are settled tell so. */
export const turn = () => new Promise((resolve) => { setImmediate(resolve); });

/** Whether and how a promise is settled: 'pending', {value} or {error}. */
export async function outcome(promise) {
  const pending = turn().then(() => 'pending');
  return Promise.race([promise.then((value) => ({ value }), (error) => ({ error })), pending]);
}
