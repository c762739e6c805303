import module from 'ddp.js';
import ws from 'ws';
import { Store } from './store.mjs';

const DDP = module.default;

export const connect = (url, hooks) => connectWith(ws, url, hooks);

export async function connectWith(SocketConstructor, endpoint, hooks) {
  const client = new DDP({ endpoint, SocketConstructor, reconnectInterval: 50 });
  const store = new Store();
  const subscriptions = new Map();

  for (const event of ['added', 'changed', 'removed']) {
    client.on(event, (message) => {
      store[event](message);
      hooks.changed();
    });
  }
  // It reconnects, and leaves subscribing again and old documents to its user.
  client.on('connected', () => {
    store.clear();
    for (const [id, { name, params }] of subscriptions) client.sub(name, params, id);
    hooks.status('connected');
  });
  client.on('disconnected', () => hooks.status('disconnected'));
  await new Promise((resolve) => client.on('connected', resolve));

  const answer = (id, matches) =>
    new Promise((resolve, reject) => {
      const listen = (message) => {
        if (!matches(message)) return;
        for (const event of ['ready', 'nosub', 'result']) client.off(event, listen);
        if (message.error) reject(message.error);
        else resolve(message.msg === 'result' ? message.result : id);
      };
      for (const event of ['ready', 'nosub', 'result']) client.on(event, listen);
    });

  return {
    async subscribe(name, params) {
      const id = client.sub(name, params);
      await answer(id, ({ msg, subs, id: of }) => (msg === 'ready' ? subs.includes(id) : of === id));
      subscriptions.set(id, { name, params });
      return id;
    },
    unsubscribe(id) {
      subscriptions.delete(id);
      client.unsub(id);
      return answer(id, (message) => message.msg === 'nosub' && message.id === id);
    },
    call(method, params) {
      const id = client.method(method, params);
      return answer(id, (message) => message.msg === 'result' && message.id === id);
    },
    documents: () => store.documents(),
  };
}
