// The books of the store on a page without any framework: the smallest front end there is here.

import { connect } from 'dddp';

const client = connect();
const authors = client.collection('bookstore.author');
const books = client.collection('bookstore.book');
const $ = (selector) => document.querySelector(selector);
const form = $('#add-book');

const byTitle = (a, b) => a.title.localeCompare(b.title);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function item(book) {
  const title = element('span', {}, book.title);
  title.dataset.field = 'title';
  const remove = element('button', {
    type: 'button', onclick: () => client.call('bookstore/delete_book', book._id),
  }, 'Delete');
  const shown = element('li', {}, title, `, ${authors.get(book.author_id)?.name ?? ''} `, remove);
  shown.dataset.bookId = book._id;
  return shown;
}

const showBooks = () => $('#books').replaceChildren(...books.find().sort(byTitle).map(item));

function showAuthors() {
  const options = authors.find().map(({ _id, name }) => element('option', { value: _id }, name));
  form.elements.author_id.replaceChildren(...options);
  showBooks();
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { title, author_id, pages } = Object.fromEntries(new FormData(form));
  try {
    await client.call('bookstore/add_book', { title, author_id, pages: Number(pages), price: '0' });
    form.reset();
    $('[role=alert]').textContent = '';
  } catch (error) {
    $('[role=alert]').textContent = error.reason;
  }
});

client.on('status', (status) => { $('#status').textContent = status; });
books.on('change', showBooks);
authors.on('change', showAuthors);
client.subscribe('AllBooks');
