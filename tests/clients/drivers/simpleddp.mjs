import simpleDDP from 'simpleddp';
import { simpleDDPLogin } from 'simpleddp-plugin-login';
import ws from 'isomorphic-ws';
import { byId, plain } from './store.mjs';

// It also rejects a promise of its own when a subscription is refused.
process.on('unhandledRejection', (reason) => console.error('unhandled:', reason));

export async function connect(url, hooks) {
  const options = { endpoint: url, SocketConstructor: ws, reconnectInterval: 50 };
  const client = new simpleDDP(options, [simpleDDPLogin]);
  for (const event of ['added', 'changed', 'removed', 'ready']) client.on(event, hooks.changed);
  client.on('connected', () => hooks.status('connected'));
  client.on('disconnected', () => hooks.status('disconnected'));
  await client.connect();
  const subscriptions = [];
  return {
    async subscribe(name, params) {
      const subscription = client.subscribe(name, ...params);
      // It gives a stopped one back, stopped, for the same name and parameters.
      await (subscription.isOn() ? subscription.ready() : subscription.start());
      return subscriptions.push(subscription) - 1;
    },
    unsubscribe: (handle) => subscriptions[handle].stop(),
    call: (method, params) => client.call(method, ...params),
    accounts: {
      login: (username, password) => client.login({ user: { username }, password }),
      logout: () => client.logout(),
      userId: () => client.userId,
    },
    documents: () =>
      plain(
        Object.fromEntries(
          Object.entries(client.collections).map(([name, rows]) => [name, byId(rows, 'id')]),
        ),
      ),
  };
}
