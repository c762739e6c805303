import { useState } from 'react';
import { createRoot } from 'react-dom/client';

import { call, start, useCollection, useStatus } from './ddp.js';

const byTitle = (a, b) => a.title.localeCompare(b.title);

function Books() {
  const authors = new Map(useCollection('bookstore.author').map((author) => [author._id, author]));
  const books = useCollection('bookstore.book').toSorted(byTitle);
  return (
    <ul id="books">
      {books.map((book) => (
        <li key={book._id} data-book-id={book._id}>
          <span data-field="title">{book.title}</span>, <span>{authors.get(book.author_id)?.name}</span>
          {' '}
          <button type="button" onClick={() => call('bookstore/delete_book', book._id)}>Delete</button>
        </li>
      ))}
    </ul>
  );
}

function AddBook() {
  const authors = useCollection('bookstore.author');
  const [problem, setProblem] = useState('');

  async function add(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const { title, author_id, pages } = Object.fromEntries(new FormData(form));
    try {
      await call('bookstore/add_book', { title, author_id, pages: Number(pages), price: '0' });
      form.reset();
      setProblem('');
    } catch (error) {
      setProblem(error.reason);
    }
  }

  return (
    <form id="add-book" onSubmit={add}>
      <input name="title" placeholder="Title" required />
      <select name="author_id" required>
        {authors.map(({ _id, name }) => <option key={_id} value={_id}>{name}</option>)}
      </select>
      <input name="pages" type="number" placeholder="Pages" required />
      <button>Add</button>
      <p role="alert">{problem}</p>
    </form>
  );
}

function App() {
  return (
    <>
      <h1>Books <small id="status" role="status">{useStatus()}</small></h1>
      <Books />
      <AddBook />
    </>
  );
}

start({ collections: ['bookstore.author', 'bookstore.book'], publications: ['AllBooks'] });
createRoot(document.querySelector('#app')).render(<App />);
