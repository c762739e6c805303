import { createRequire, register } from 'node:module';
import ws from 'ws';
import { byId, plain } from './store.mjs';

// Written for React Native, its globals and its bundler.
globalThis.WebSocket = ws;
register('./extensions.mjs', import.meta.url);
globalThis.require = createRequire(import.meta.url);
const { default: Meteor, Accounts, Mongo } = await import('@meteorrn/core');

// Login tokens are kept as long as the process lasts, the state of the network is not watched.
const items = new Map();
const AsyncStorage = {
  getItem: async (key) => items.get(key) ?? null,
  setItem: async (key, value) => void items.set(key, value),
  removeItem: async (key) => void items.delete(key),
};

const answer = (call) =>
  new Promise((resolve, reject) => {
    call((error, result) => (error ? reject(error) : resolve(result)));
  });

// It counts the changes of each document in it.
const documents = (collection) => collection.find().fetch().map(({ _version, ...rest }) => rest);

export async function connect(url, hooks) {
  Meteor.connect(url, {
    AsyncStorage,
    NetInfo: null,
    reconnectInterval: 50,
  });
  const data = Meteor.getData();
  const names = ['bookstore.author', 'bookstore.book', 'bookstore.wish', 'desk.task'];
  const collections = new Map(names.map((name) => [name, new Mongo.Collection(name)]));
  collections.set('users', Meteor.users);

  data.db.on('change', hooks.changed);
  data.ddp.on('connected', () => hooks.status('connected'));
  data.ddp.on('disconnected', () => hooks.status('disconnected'));
  await new Promise((resolve) => data.waitDdpConnected(resolve));

  const subscriptions = new Map();
  return {
    subscribe: (name, params) =>
      new Promise((resolve, reject) => {
        const handle = Meteor.subscribe(name, ...params, () => resolve(handle.subscriptionId));
        subscriptions.set(handle.subscriptionId, handle);
        // It does not hand errors on.
        data.ddp.on('nosub', ({ id, error }) => {
          const mine = data.subscriptions[handle.subscriptionId];
          if (error && mine?.subIdRemember === id) reject(error);
        });
      }),
    unsubscribe(handle) {
      const id = data.subscriptions[handle].subIdRemember;
      return new Promise((resolve) => {
        data.ddp.on('nosub', (message) => message.id === id && resolve());
        subscriptions.get(handle).stop();
      });
    },
    call: (method, params) =>
      new Promise((resolve, reject) => {
        Meteor.call(method, ...params, (error, result) => (error ? reject(error) : resolve(result)));
      }),
    write: (name, kind, params) =>
      new Promise((resolve, reject) => {
        const done = (error, result) => (error ? reject(error) : resolve(result));
        collections.get(name)[kind](...params, done);
      }),
    accounts: {
      login: (username, password) => answer((done) => Meteor.loginWithPassword(username, password, done)),
      logout: () => answer((done) => Meteor.logout(done)),
      logoutOtherClients: () => answer((done) => Meteor.logoutOtherClients(done)),
      createUser: (username, password) =>
        answer((done) => Accounts.createUser({ username, password }, done)),
      changePassword: (old, password) =>
        answer((done) => Accounts.changePassword(old, password, done)),
      userId: () => Meteor.userId(),
    },
    documents: () =>
      plain(
        Object.fromEntries(
          [...collections].map(([name, collection]) => [name, byId(documents(collection))]),
        ),
      ),
  };
}
