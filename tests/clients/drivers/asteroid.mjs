import { createClass } from 'asteroid';
import EJSON from 'ejson';
import ws from 'ws';
import { Store } from './store.mjs';

const Asteroid = createClass();

export async function connect(url, hooks) {
  const client = new Asteroid({ endpoint: url, SocketConstructor: ws, reconnectInterval: 50 });
  const store = new Store();

  for (const event of ['added', 'changed', 'removed']) {
    client.ddp.on(event, (message) => {
      // It knows JSON only.
      store[event](EJSON.fromJSONValue(message));
      hooks.changed();
    });
  }
  client.on('connected', () => hooks.status('connected'));
  // It subscribes again by itself, and leaves old documents to its user.
  client.on('disconnected', () => {
    store.clear();
    hooks.status('disconnected');
  });
  await new Promise((resolve) => client.on('connected', resolve));

  return {
    subscribe: (name, params) =>
      new Promise((resolve, reject) => {
        const subscription = client.subscribe(name, ...params);
        subscription.on('ready', () => resolve(subscription.id));
        subscription.on('error', reject);
      }),
    unsubscribe: (id) =>
      new Promise((resolve) => {
        client.ddp.on('nosub', (message) => message.id === id && resolve());
        client.unsubscribe(id);
      }),
    call: (method, params) => client.call(method, ...params),
    accounts: {
      login: (username, password) => client.loginWithPassword({ username, password }),
      logout: () => client.logout(),
      createUser: (username, password) => client.createUser({ username, password }),
      userId: () => client.userId,
    },
    documents: () => store.documents(),
  };
}
