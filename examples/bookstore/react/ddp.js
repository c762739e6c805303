// The connection and the collections, for React: what `useSyncExternalStore` subscribes to.

import { DDPSDK } from '@rocket.chat/ddp-client';
import { useSyncExternalStore } from 'react';

const BATCH_MS = 16; // each document of a first result is a message, and not worth a rendering

// Not all clients of a server that was restarted should come back at once; this one waits
// `retryTime` times the number of its tries.
const retryTime = 500 + 1000 * Math.random();
const sdk = DDPSDK.create(window.location.origin, { retryCount: Infinity, retryTime });

class Store {
  #value;
  #listeners = new Set();

  constructor(value) {
    this.#value = value;
  }

  set(value) {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  get = () => this.#value;

  listen = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** The live documents of one collection: an array that is another when something has changed. */
class Collection extends Store {
  #documents = new Map();
  #timer = null;

  constructor(name) {
    super([]);
    sdk.client.onCollection(name, (message) => this.#receive(message));
    // It subscribes again by itself; the server says all that there is now.
    sdk.connection.on('connected', () => {
      this.#documents.clear();
      this.#changed();
    });
  }

  #receive({ msg, id, fields, cleared = [] }) {
    if (msg === 'removed') {
      this.#documents.delete(id);
    } else {
      const document = { ...this.#documents.get(id), ...fields, _id: id };
      for (const name of cleared) delete document[name];
      this.#documents.set(id, document);
    }
    this.#changed();
  }

  #changed() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.set([...this.#documents.values()]);
    }, BATCH_MS);
  }
}

const useStore = (store) => useSyncExternalStore(store.listen, store.get);

const status = new Store('connecting');
const collections = new Map();

export const useStatus = () => useStore(status);

export const useCollection = (name) => useStore(collections.get(name));

/** @returns {Promise<any>} rejects with the server's {error, reason, details} */
export const call = (method, ...params) => sdk.call(method, ...params);

export function start({ collections: names, publications }) {
  for (const name of names) collections.set(name, new Collection(name));
  sdk.connection.on('connection', (now) => status.set(now));
  for (const name of publications) sdk.client.subscribe(name);
  sdk.connection.connect();
}
