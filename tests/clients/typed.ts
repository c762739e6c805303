// What the types of the browser client have to let through; `@ts-expect-error`: and what not.

import { connect, DDPError, type Doc } from '../../src/dddp/static/dddp/ddp.js';
import { connect as connectWithLogins } from '../../src/dddp/static/dddp/accounts.js';

interface Book extends Doc {
  title: string;
}

const client = connect('/live', { batchDelay: 0 });
const books = client.collection<Book>('bookstore.book');
const titles: string[] = books.find().map(({ title }) => title);
// @ts-expect-error
const pages: number[] = books.find().map(({ title }) => title);
const unlisten = books.on('change', () => {});
unlisten();

const subscription = client.subscribe('BooksByAuthorEmail', 'jane@example.com');
await subscription.ready;
await subscription.stop();

try {
  const added: unknown = await client.call('books.add', { title: titles[0] });
  console.log(added, pages);
} catch (error) {
  if (error instanceof DDPError) console.log(error.reason, error.details);
}
client.on('status', (status, { resumed = false }) => {
  const again: boolean = status === 'connected' && resumed;
  console.log(again);
});
client.close();

const accounts = connectWithLogins(undefined, { storage: null });
const id: string = await accounts.loginWithPassword({ username: 'ada' }, 'secret');
// @ts-expect-error
await accounts.loginWithPassword({ name: 'ada' }, 'secret');
console.log(id, accounts.user()?.emails?.[0].address);
await accounts.logout();
