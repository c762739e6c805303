import { createRequire } from 'node:module';
import ws from 'ws';
import { Store } from './store.mjs';

// It takes the WebSocket of its surroundings, which Node has from version 22; an `error` that
// nobody listens to is nothing there.
globalThis.WebSocket = class extends ws {
  constructor(...options) {
    super(...options);
    this.on('error', () => {});
  }
};
const { DDPSDK } = createRequire(import.meta.url)('@rocket.chat/ddp-client');

export async function connect(url, hooks) {
  // It adds "/websocket".
  const address = url.replace(/\/websocket$/, '');
  const sdk = DDPSDK.create(address, { retryCount: 1000, retryTime: 50 });
  const store = new Store();

  sdk.connection.on('connected', () => hooks.status('connected'));
  // It subscribes again by itself, and leaves old documents to its user.
  sdk.connection.on('disconnected', () => {
    store.clear();
    hooks.status('disconnected');
  });
  await sdk.connection.connect();

  // It has no event for all collections.
  for (const collection of ['bookstore.author', 'bookstore.book']) {
    sdk.client.onCollection(collection, (message) => {
      store[message.msg](message);
      hooks.changed();
    });
  }

  return {
    subscribe: (name, params) =>
      new Promise((resolve, reject) => {
        const subscription = sdk.client.subscribe(name, ...params);
        subscription.onChange((message) => {
          if (message.error) reject(message.error);
          else resolve(subscription.id);
        });
      }),
    unsubscribe: (id) => sdk.client.unsubscribe(id),
    call: (method, params) => sdk.call(method, ...params),
    documents: () => store.documents(),
  };
}
