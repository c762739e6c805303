/**
 * A DDP client for browsers: subscriptions, live collections and method calls over one WebSocket
 * that reconnects by itself. No dependencies, no build step.
 *
 *     import { connect } from './ddp.js';
 *     const client = connect();
 *     client.subscribe('AllBooks');
 *     client.collection('bookstore.book').on('change', ({ added, changed, removed }) => { ... });
 *     await client.call('bookstore/set_pages', id, 320);
 */

import { Collection } from './collection.js';
import { Connection, Timers } from './connection.js';
import { Emitter } from './emitter.js';
import * as EJSON from './ejson.js';

export { EJSON };

const ID_ALPHABET = '23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz';

/** The answer of the server, or of the client in its place, that something did not work. */
export class DDPError extends Error {
  /** @param {string | number} error @param {string} [reason] @param {unknown} [details] */
  constructor(error, reason, details) {
    super(reason === undefined ? `[${error}]` : `${reason} [${error}]`);
    this.name = 'DDPError';
    this.error = error;
    this.reason = reason;
    this.details = details;
  }
}

/** @param {any} wire the `error` of a `result` or `nosub` */
const errorFrom = (wire) => new DDPError(wire?.error ?? 500, wire?.reason, wire?.details);

const closedError = () => new DDPError('closed', 'The client is closed: call reconnect().');

/** 17 characters that are not taken for one another, as Meteor's Random.id(). */
export function randomId() {
  let id = '';
  while (id.length < 17) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    // Bytes from the last multiple of 55 on would favour the first characters.
    if (byte < 220) id += ID_ALPHABET[byte % 55];
  }
  return id;
}

/** Sent again, with the same id, after every reconnect. */
class Subscription extends Emitter {
  isReady = false;
  /** `ready` came in this session; what was published may not be shown yet. */
  isComplete = false;

  /**
   * @param {string} name
   * @param {unknown[]} params
   * @param {(subscription: Subscription) => Promise<void>} stop
   */
  constructor(name, params, stop) {
    super();
    this.id = randomId();
    this.name = name;
    this.message = EJSON.stringify({ msg: 'sub', id: this.id, name, params });
    this.stop = () => stop(this);
    this.ready = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.ready.catch(() => {}); // nobody has to wait: 'stop' tells of the error too
  }

  show() {
    if (this.isReady || !this.isComplete) return;
    this.isReady = true;
    this.resolve?.(undefined);
    this.emit('ready');
  }

  /** @param {DDPError} [error] */
  end(error) {
    this.isReady = false;
    this.reject?.(error ?? new DDPError('stopped', 'The subscription was stopped.'));
    this.emit('stop', error);
  }
}

/**
 * @typedef {object} Call a method call that is not over
 * @property {string} message
 * @property {boolean} noRetry
 * @property {boolean} sent
 * @property {boolean} updated all effects of its writes were received
 * @property {{error?: unknown, result?: unknown}} [answer]
 * @property {(value: any) => void} resolve
 * @property {(error: DDPError) => void} reject
 */

/** @typedef {import('./ddp.d.ts').Client} ClientInterface */
/** @implements {ClientInterface} */
export class Client extends Emitter {
  #connection;
  #timers;
  #batchDelay;
  #methodCount = 0;
  /** @type {Map<string, Collection>} */
  #collections = new Map();
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  /** @type {Map<string, (value?: any) => void>} stopped here, but perhaps not yet by the server */
  #stopping = new Map();
  /** @type {Map<string, Call>} */
  #calls = new Map();
  /**
   * While a session is being refilled: the subscriptions that were ready in the one before and
   * are not again, and calls that come `first`. Until there are none, the documents shown are
   * those of the session before.
   *
   * @type {Set<Subscription | string> | null}
   */
  #awaited = null;

  /** @param {string | undefined} url @param {import('./ddp.d.ts').Options} options */
  constructor(url, options) {
    super();
    this.#batchDelay = options.batchDelay ?? 16;
    this.#timers = new Timers(options.window ?? globalThis);
    this.#connection = new Connection(url, options, {
      status: (status, info) => this.#statusChanged(status, info),
      message: (message) => this.#handlers.get(message.msg)?.(message),
      nonsense: (data, cause) => this.#report(Object.assign(
        new DDPError('bad-message', 'A message of the server makes no sense.', data), { cause },
      )),
    });
    this.#connection.open();
  }

  get status() {
    return this.#connection.status;
  }

  /** @param {string} name @returns {any} */
  collection(name) {
    let collection = this.#collections.get(name);
    if (!collection) {
      collection = new Collection(name, () => this.#flushSoon());
      if (this.#awaited) collection.refill();
      this.#collections.set(name, collection);
    }
    return collection;
  }

  /** @param {string} name @param {unknown[]} params @returns {any} */
  subscribe(name, ...params) {
    const subscription = new Subscription(name, params, (stopping) => this.#unsubscribe(stopping));
    this.#subscriptions.set(subscription.id, subscription);
    this.#send(subscription.message);
    return subscription;
  }

  /** @param {string} method @param {unknown[]} params */
  call(method, ...params) {
    return this.apply(method, params);
  }

  /**
   * @param {string} method
   * @param {unknown[]} [params]
   * @param {import('./ddp.d.ts').CallOptions} [options]
   * @returns {Promise<any>}
   */
  async apply(method, params = [], { noRetry = false, first = false } = {}) {
    if (this.status === 'offline' || this.status === 'failed') throw closedError();
    this.#methodCount += 1;
    const id = String(this.#methodCount);
    const message = EJSON.stringify({ msg: 'method', id, method, params });
    return new Promise((resolve, reject) => {
      const sent = this.#send(message);
      this.#calls.set(id, { message, noRetry, sent, updated: false, resolve, reject });
      if (first) this.#awaited?.add(id);
    });
  }

  reconnect() {
    this.#connection.open();
  }

  close() {
    this.#connection.close();
  }

  beginAnew() {
    this.#connection.forget();
  }

  // Sessions

  /** @param {import('./ddp.d.ts').Status} status @param {import('./ddp.d.ts').StatusInfo} info */
  #statusChanged(status, info) {
    if (status === 'connected') {
      if (info.resumed) this.#resume(info);
      else this.#begin(info);
      return;
    }
    this.#suspend();
    if (status === 'offline' || status === 'failed') this.#fail(() => true, closedError());
    this.emit('status', status, info);
  }

  /** @param {object} info */
  #begin(info) {
    this.#reset();
    for (const collection of this.#collections.values()) collection.refill();
    const subscriptions = [...this.#subscriptions.values()];
    this.#awaited = new Set(subscriptions.filter(({ isReady }) => isReady));
    this.#sendAgain(subscriptions, info);
  }

  /** The session goes on where it was; what it knows already it ignores. @param {object} info */
  #resume(info) {
    for (const id of this.#stopping.keys()) this.#send(EJSON.stringify({ msg: 'unsub', id }));
    const subscriptions = [...this.#subscriptions.values()];
    this.#sendAgain(subscriptions.filter(({ isComplete }) => !isComplete), info);
  }

  /** @param {Subscription[]} subscriptions @param {object} info */
  #sendAgain(subscriptions, info) {
    const calls = [...this.#calls.values()].filter(({ answer }) => !answer);
    this.emit('status', 'connected', info); // what a listener sends, a login, precedes the rest
    for (const call of calls) call.sent = this.#send(call.message);
    for (const { id, message } of subscriptions) {
      if (this.#subscriptions.has(id)) this.#send(message);
    }
    this.#showIfComplete();
  }

  /**
   * The connection is gone; the session may go on. Not with a call that must not be made twice:
   * nobody knows whether the server has it, so neither sending it again nor waiting is right.
   */
  #suspend() {
    for (const resolve of this.#stopping.values()) resolve();
    const isCut = this.#fail(({ noRetry, sent, answer }) => noRetry && sent && !answer, new DDPError(
      'invocation-failed', 'The connection was lost before the answer came; it may have worked.',
    ));
    if (isCut) this.#connection.forget();
  }

  /** A session that ended will not finish what it began. */
  #reset() {
    this.#stopping.clear();
    for (const subscription of this.#subscriptions.values()) subscription.isComplete = false;
    // The next session starts from documents that contain the writes of answered calls.
    for (const call of this.#calls.values()) call.updated = call.answer !== undefined;
  }

  /** Documents of a refilled session are complete: show them, then say what is ready and done. */
  #showIfComplete() {
    if (this.status !== 'connected' || this.#awaited?.size) return;
    if (this.#awaited) for (const collection of this.#collections.values()) collection.settle();
    this.#awaited = null;
    this.#flush();
    for (const subscription of this.#subscriptions.values()) subscription.show();
    for (const [id, { answer, updated, resolve, reject }] of this.#calls) {
      if (!answer || !updated) continue;
      this.#calls.delete(id);
      if ('error' in answer) reject(errorFrom(answer.error));
      else resolve(answer.result);
    }
  }

  /** @param {Subscription} subscription */
  async #unsubscribe(subscription) {
    const { id } = subscription;
    if (!this.#subscriptions.has(id)) return;
    const stopped = new Promise((resolve) => { this.#stopping.set(id, resolve); });
    if (!this.#send(EJSON.stringify({ msg: 'unsub', id }))) this.#stopping.get(id)?.();
    this.#end(subscription);
    await stopped;
  }

  /** @param {string} id */
  #stopped(id) {
    this.#stopping.get(id)?.();
    this.#stopping.delete(id);
  }

  // Messages

  /** @type {Map<string, (message: any) => void>} */
  #handlers = new Map(Object.entries({
    added: (message) => this.collection(message.collection).receive(message),
    changed: (message) => this.collection(message.collection).receive(message),
    removed: (message) => this.collection(message.collection).receive(message),
    ready: ({ subs }) => this.#ready(subs),
    nosub: ({ id, error }) => this.#nosub(id, error),
    result: (message) => this.#progress(message.id, {
      answer: 'error' in message
        ? { error: message.error } : { result: EJSON.fromJSON(message.result) },
    }),
    updated: ({ methods }) => {
      for (const id of methods) this.#progress(id, { updated: true });
    },
    error: ({ reason, offendingMessage }) => {
      this.#report(new DDPError('protocol', reason, offendingMessage));
    },
  }));

  /** @param {string[]} ids */
  #ready(ids) {
    for (const id of ids) {
      const subscription = this.#subscriptions.get(id);
      if (!subscription) continue;
      subscription.isComplete = true;
      this.#awaited?.delete(subscription);
    }
    this.#showIfComplete();
  }

  /** @param {string | undefined} id none: a publication that everybody gets @param {any} error */
  #nosub(id, error) {
    const failure = error && errorFrom(error);
    if (id !== undefined && this.#stopping.has(id)) {
      this.#flush();
      this.#stopped(id);
      return;
    }
    const subscription = this.#subscriptions.get(id ?? '');
    if (subscription) this.#end(subscription, failure);
    else if (failure && id === undefined) this.#report(failure);
  }

  /** @param {Subscription} subscription @param {DDPError} [error] */
  #end(subscription, error) {
    this.#subscriptions.delete(subscription.id);
    this.#awaited?.delete(subscription);
    this.#showIfComplete();
    subscription.end(error);
  }

  /** @param {string} id @param {Partial<Call>} part `result` and `updated` come in any order */
  #progress(id, part) {
    const call = this.#calls.get(id);
    if (!call) return;
    Object.assign(call, part);
    if (call.answer && call.updated) this.#awaited?.delete(id);
    this.#showIfComplete();
  }

  /** @param {(call: Call) => boolean} which @param {DDPError} error @returns {boolean} any */
  #fail(which, error) {
    const failed = [...this.#calls].filter(([, call]) => which(call));
    for (const [id, call] of failed) {
      this.#calls.delete(id);
      call.reject(error);
    }
    return failed.length > 0;
  }

  /** @param {string} text @returns {boolean} whether it was sent; if not, the next session will */
  #send(text) {
    if (this.status !== 'connected') return false;
    this.#connection.send(text);
    return true;
  }

  #flushSoon() {
    if (this.#timers.has('flush')) return;
    this.#timers.start('flush', this.#batchDelay, () => this.#flush());
  }

  #flush() {
    this.#timers.stop('flush');
    for (const collection of this.#collections.values()) collection.flush();
  }

  /** @param {DDPError} error one that belongs to no call and no subscription */
  #report(error) {
    if (!this.emit('error', error)) console.warn(error);
  }
}

/** @type {typeof import('./ddp.d.ts').connect} */
export function connect(url, options = {}) {
  return new Client(url, options);
}
