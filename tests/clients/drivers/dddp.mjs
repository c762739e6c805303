import ws from 'ws';
import { connect as dial } from '../../../src/dddp/static/dddp/ddp.js';
import { byId, plain } from './store.mjs';

const COLLECTIONS = ['bookstore.author', 'bookstore.book'];

export async function connect(url, hooks) {
  const client = dial(url, { WebSocket: ws, batchDelay: 0, firstRetry: 50, retryFactor: 1, retryBase: 50 });
  const subscriptions = [];
  const collections = COLLECTIONS.map((name) => client.collection(name));
  for (const collection of collections) collection.on('change', () => hooks.changed());
  await new Promise((resolve) => {
    client.on('status', (status, { resumed }) => {
      if (status === 'connecting') return;
      if (status !== 'connected') hooks.status('disconnected');
      else hooks.status(resumed ? 'resumed' : 'connected');
      if (status === 'connected') resolve();
    });
  });
  return {
    async subscribe(name, params) {
      const subscription = client.subscribe(name, ...params);
      await subscription.ready;
      return subscriptions.push(subscription) - 1;
    },
    unsubscribe: (handle) => subscriptions[handle].stop(),
    call: (method, params) => client.call(method, ...params),
    documents: () =>
      plain(Object.fromEntries(collections.map(({ name }, i) => [name, byId(collections[i].find())]))),
  };
}
