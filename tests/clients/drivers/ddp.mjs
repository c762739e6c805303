import { once } from 'node:events';
import DDPClient from 'ddp';
import { byId, plain } from './store.mjs';

export async function connect(url, hooks) {
  const client = new DDPClient({ url, autoReconnectTimer: 50 });
  const subscriptions = new Map();

  const send = (handle) =>
    new Promise((resolve, reject) => {
      const { name, params } = subscriptions.get(handle);
      const id = client.subscribe(name, params, (error) => (error ? reject(error) : resolve()));
      subscriptions.get(handle).id = id;
    });

  client.on('message', hooks.changed);
  client.on('socket-close', () => hooks.status('disconnected'));
  client.connect((error, again) => {
    // It gives up after one try; it keeps what it had, and leaves subscribing again to its user.
    if (error) {
      setTimeout(() => client.connect(), 50);
      return;
    }
    if (again) client.collections = {};
    for (const handle of subscriptions.keys()) send(handle);
    hooks.status('connected');
  });
  await once(client, 'connected');

  return {
    async subscribe(name, params) {
      const handle = subscriptions.size;
      subscriptions.set(handle, { name, params });
      try {
        await send(handle);
      } catch (error) {
        subscriptions.delete(handle);
        throw error;
      }
      return handle;
    },
    unsubscribe(handle) {
      const { id } = subscriptions.get(handle);
      subscriptions.delete(handle);
      // It has no callback for the answer to this: the message tells.
      const { promise, resolve } = deferred();
      const listen = (text) => {
        const message = JSON.parse(text);
        if (message.msg !== 'nosub' || message.id !== id) return;
        client.off('message', listen);
        resolve();
      };
      client.on('message', listen);
      client.unsubscribe(id);
      return promise;
    },
    call: (method, params) =>
      new Promise((resolve, reject) => {
        let answer;
        client.call(
          method,
          params,
          (error, result) => {
            answer = { error, result };
            if (error) reject(error);
          },
          // `updated` comes before `result`, or after it.
          () => setImmediate(() => resolve(answer?.result)),
        );
      }),
    documents: () =>
      plain(
        Object.fromEntries(
          Object.entries(client.collections).map(([name, documents]) => [
            name,
            byId(Object.values(documents)),
          ]),
        ),
      ),
  };
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
