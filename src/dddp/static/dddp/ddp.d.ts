/** Types of ddp.js, the DDP client of django-ddp. The reference is docs/client.md. */

/** A document id; strings unless the server is a Meteor server that says otherwise. */
export type Id = string | number | boolean | null | undefined | EJSON.ObjectID;

/** A frozen object: a change puts another one in its place. */
export type Doc = { readonly _id: any; readonly [field: string]: any };

export type Status = 'connecting' | 'connected' | 'waiting' | 'offline' | 'failed';

export interface StatusInfo {
  /** Tries since a connection last stood for a heartbeat interval. */
  attempt: number;
  /** `waiting`: milliseconds until the next try. */
  retryIn?: number;
  /** `waiting` and `failed`: what went wrong, for people. */
  reason?: string;
  /** `connected`: the session before goes on, with its login, subscriptions and calls. */
  resumed?: boolean;
}

/** Stops listening. */
export type Unlisten = () => void;

export interface Options {
  /** A WebSocket class, where the global one is missing or not wanted. */
  WebSocket?: new (url: string) => any;
  /** Stands for the global object: timers, WebSocket, document, events. For tests. */
  window?: any;
  /** Fractions from 0 up to 1 that spread the retries. Default: Math.random. */
  random?: () => number;
  /** Milliseconds that changes are gathered before listeners hear of them. Default: 16. */
  batchDelay?: number;
  /** Milliseconds a server may take until `connected`. Default: 10000. */
  connectTimeout?: number;
  /** Milliseconds of silence after which the server is pinged. Default: 17500. */
  heartbeatInterval?: number;
  /** Milliseconds a pinged server may stay silent. Default: 15000. */
  heartbeatTimeout?: number;
  /** The first retry comes within this many milliseconds. Default: 500. */
  firstRetry?: number;
  /** Milliseconds of the second retry, about. Default: 1000. */
  retryBase?: number;
  /** Each further retry takes about this many times as long. Default: 2. */
  retryFactor?: number;
  /** The most milliseconds between retries. Default: 60000. */
  retryCap?: number;
}

/**
 * Connect to the server whose root is `url` (default: the root of this page's server; relative to
 * the page; `/websocket` is appended). A `ws:` or `wss:` URL is taken as it is.
 */
export function connect(url?: string, options?: Options): Client;

export class Client {
  constructor(url: string | undefined, options: Options);
  readonly status: Status;
  /** The same object for the same name, also before there are documents. */
  collection<T extends Doc = Doc>(name: string): Collection<T>;
  subscribe(name: string, ...params: unknown[]): Subscription;
  /** Resolves when the answer is there and all its writes show in the collections. */
  call<R = any>(method: string, ...params: unknown[]): Promise<R>;
  apply<R = any>(method: string, params?: unknown[], options?: CallOptions): Promise<R>;
  /** Connect anew at once, also when connected. */
  reconnect(): void;
  /** Disconnect until `reconnect`. Documents and subscriptions stay, unanswered calls fail. */
  close(): void;
  /** For subclasses: the next connection begins a new session rather than resume the one before. */
  beginAnew(): void;
  on(event: 'status', listener: (status: Status, info: StatusInfo) => void): Unlisten;
  /** Errors that belong to no call and no subscription; without a listener: console.warn. */
  on(event: 'error', listener: (error: DDPError) => void): Unlisten;
  on(event: string, listener: (...args: any[]) => void): Unlisten;
  /** For subclasses. Returns whether anybody listens. */
  emit(event: string, ...args: any[]): boolean;
}

export interface CallOptions {
  /** Fail with `invocation-failed`, rather than call again, when the connection is lost. */
  noRetry?: boolean;
  /**
   * For listeners of `connected`: what the last connection showed stays until this one is answered,
   * too. For what the documents depend on, such as who is logged in.
   */
  first?: boolean;
}

export interface Subscription {
  readonly id: string;
  readonly name: string;
  /** Stays true while a lost connection is being replaced. */
  readonly isReady: boolean;
  /** Rejects with the error of the server, or with `stopped`. */
  readonly ready: Promise<void>;
  /** Resolves when the server let it go and what only it published is gone, or with the session. */
  stop(): Promise<void>;
  on(event: 'ready', listener: () => void): Unlisten;
  /** Stopped here, or by the server, with an error or without. */
  on(event: 'stop', listener: (error?: DDPError) => void): Unlisten;
}

export interface Changes<T> {
  added: T[];
  changed: { doc: T; old: T; fields: string[] }[];
  removed: T[];
}

export interface Observer<T> {
  added?(doc: T): void;
  changed?(doc: T, old: T, fields: string[]): void;
  removed?(doc: T): void;
}

export interface Collection<T extends Doc = Doc> extends Iterable<T> {
  readonly name: string;
  readonly size: number;
  get(id: Id): T | undefined;
  find(filter?: (doc: T) => unknown): T[];
  /** The net difference, once per batch. */
  on(event: 'change', listener: (changes: Changes<T>) => void): Unlisten;
  /** Each document: the present ones are `added` at once. */
  observe(observer: Observer<T>): Unlisten;
}

export class DDPError extends Error {
  constructor(error: string | number, reason?: string, details?: unknown);
  readonly error: string | number;
  readonly reason?: string;
  readonly details?: unknown;
}

/** 17 random characters, as Meteor's Random.id(). */
export function randomId(): string;

export namespace EJSON {
  class ObjectID {
    constructor(hex: string);
    readonly hex: string;
    equals(other: unknown): boolean;
    toString(): string;
  }
  /** Make instances of `Class` travel as `{$type: name, $value: toValue(instance)}`. */
  function addType<T>(
    name: string,
    Class: abstract new (...args: any[]) => T,
    toValue: (value: T) => unknown,
    fromValue: (value: any) => T,
  ): void;
  function parse(text: string): any;
  function stringify(value: unknown): string;
  function fromJSON(json: any): any;
  function toJSON(value: any): any;
  /** The same value, whatever the order of keys. */
  function equals(a: any, b: any): boolean;
  function idFromWire(wire: string): any;
  function idToWire(id: unknown): string;
}
