/**
 * The bookstore page. What is on the screen follows the two live collections and nothing else;
 * what the user does goes to the server as a method call and comes back as a change.
 */

import { $, client } from './client.js';

const authors = client.collection('bookstore.author');
const books = client.collection('bookstore.book');
const wishes = client.collection('bookstore.wish');

const fromTemplate = (id) => $(`#${id}`).content.firstElementChild.cloneNode(true);
const byText = new Intl.Collator(undefined, { numeric: true }).compare;

// Which books: an author's address after the # asks for that author's only

let subscription = null;
let older = [];
/** While documents come and go because the question changed, they are no news. */
let isSwitching = true;

const wantedEmail = () => decodeURIComponent(location.hash.slice(1));

async function follow() {
  const email = wantedEmail();
  if (subscription) older.push(subscription);
  isSwitching = true;
  const mine = email ? client.subscribe('BooksByAuthorEmail', email) : client.subscribe('AllBooks');
  subscription = mine;
  $('#subscription').textContent =
    `subscribe(${[mine.name, ...(email ? [email] : [])].map((text) => JSON.stringify(text)).join(', ')})`;
  markChosen(email);
  const isLatest = () => mine === subscription;
  try {
    await mine.ready;
    if (isLatest()) await Promise.all(older.splice(0).map((old) => old.stop()));
  } catch (error) {
    if (isLatest()) toast(error);
  }
  if (!isLatest()) return;
  isSwitching = false;
  showEmpty();
}

function showEmpty() {
  $('#empty').hidden = books.size > 0;
  $('#empty').textContent = isSwitching ? 'Loading…' : 'No books here. Add one below.';
}

window.addEventListener('hashchange', follow);

// Authors

const authorRows = new Map();

authors.observe({
  added(author) {
    authorRows.set(author._id, fromTemplate('author-row'));
    showAuthor(author);
  },
  changed: showAuthor,
  removed({ _id }) {
    authorRows.get(_id).remove();
    authorRows.delete(_id);
  },
});

authors.on('change', () => {
  place($('#authors'), authors, authorRows, ({ name }) => name, 1);
  markChosen(wantedEmail());
  fillAuthorSelect();
  countBooks();
  for (const _id of bookRows.keys()) showAuthorOf(_id);
});

function showAuthor({ _id, name, email }) {
  const row = authorRows.get(_id);
  row.dataset.authorId = _id;
  $('a', row).href = `#${encodeURIComponent(email)}`;
  $('[data-field=name]', row).textContent = name;
  $('[data-field=email]', row).textContent = email;
}

function markChosen(email) {
  const href = email ? `#${encodeURIComponent(email)}` : '#';
  for (const link of document.querySelectorAll('#authors a')) {
    if (link.getAttribute('href') === href) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

function fillAuthorSelect() {
  const select = $('#add-book select');
  const chosen = select.value;
  const sorted = authors.find().sort((a, b) => byText(a.name, b.name));
  select.replaceChildren(...sorted.map(({ _id, name }) => new Option(name, _id)));
  if (authors.get(chosen)) select.value = chosen;
}

function countBooks() {
  $('#all-authors [data-field=tally]').textContent = wantedEmail() ? '' : books.size;
  for (const [id, row] of authorRows) {
    const own = books.find(({ author_id }) => author_id === id);
    $('[data-field=tally]', row).textContent = own.length;
  }
}

// Books

const bookRows = new Map();

books.observe({
  added(book) {
    const row = fromTemplate('book-row');
    row.dataset.bookId = book._id;
    bookRows.set(book._id, row);
    showBook(book);
    if (!isSwitching) flash(row);
  },
  changed(book, old, fields) {
    showBook(book);
    const row = bookRows.get(book._id);
    for (const field of fields) flash(fieldOf(row, field)?.closest('td') ?? row);
  },
  removed({ _id }) {
    bookRows.get(_id).remove();
    bookRows.delete(_id);
  },
});

books.on('change', () => {
  place($('#books'), books, bookRows, ({ title }) => title);
  countBooks();
  showEmpty();
});

const fieldOf = (row, field) =>
  $(`[data-field="${field === 'author_id' ? 'author' : field}"]`, row);

function showBook(book) {
  const row = bookRows.get(book._id);
  for (const field of ['title', 'pages', 'price']) showInput(fieldOf(row, field), book[field]);
  const published = fieldOf(row, 'published');
  published.dateTime = book.published ?? '';
  published.textContent = book.published ?? '–';
  $('button', row).setAttribute('aria-label', `Delete ${book.title}`);
  showAuthorOf(book._id);
  showWish(book._id);
}

function showAuthorOf(bookId) {
  const author = authors.get(books.get(bookId)?.author_id);
  fieldOf(bookRows.get(bookId), 'author').textContent = author?.name ?? '…';
}

/** Wishes are for those who have logged in: see account.js. */
function showWish(bookId) {
  const heart = $('[data-action=wish]', bookRows.get(bookId));
  const isWanted = wishes.find(({ book_id }) => book_id === bookId).length > 0;
  heart.hidden = client.userId === null;
  heart.ariaPressed = isWanted;
  heart.ariaLabel = `I would like to have ${books.get(bookId).title}`;
}

function showWishes() {
  for (const _id of bookRows.keys()) showWish(_id);
}

wishes.on('change', showWishes);
client.on('user', showWishes);

/** `defaultValue` is what the server says; what the user is typing stays until it is sent. */
function showInput(input, value) {
  const isTyping = input === document.activeElement && input.value !== input.defaultValue;
  input.defaultValue = value ?? '';
  if (!isTyping) input.value = input.defaultValue;
  input.title = input.defaultValue;
}

/** Put rows in order, moving only those out of place, so that nobody loses the cursor. */
function place(parent, collection, rows, key, skip = 0) {
  const focused = document.activeElement;
  const sorted = collection.find().sort((a, b) => byText(key(a), key(b)));
  sorted.forEach(({ _id }, index) => {
    const row = rows.get(_id);
    const there = parent.children[index + skip];
    if (there !== row) parent.insertBefore(row, there ?? null);
  });
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus();
}

function flash(element) {
  element.classList.remove('flash');
  void element.offsetWidth; // restarts the animation
  element.classList.add('flash');
}

// News

let changeCount = 0;

for (const collection of [authors, books]) {
  collection.on('change', ({ added, changed, removed }) => {
    changeCount += changed.length + (isSwitching ? 0 : added.length + removed.length);
    $('#change-count').textContent = changeCount;
  });
}

// What the user does

async function call(method, ...params) {
  try {
    await client.call(method, ...params);
    return true;
  } catch (error) {
    toast(error);
    return false;
  }
}

const editing = {
  title: (id, value) => call('bookstore/rename_book', id, value),
  pages: (id, value) => call('bookstore/set_pages', id, Number(value)),
  price: (id, value) => call('bookstore/set_price', id, value),
};

$('#books').addEventListener('change', async ({ target }) => {
  const { value, dataset: { field } } = target;
  if (value === target.defaultValue) return;
  if (!target.reportValidity()) return;
  target.classList.add('saving');
  await editing[field](target.closest('tr').dataset.bookId, value);
  target.classList.remove('saving');
  if (target.value === value) target.value = target.defaultValue;
});

$('#books').addEventListener('keydown', ({ key, target }) => {
  if (key === 'Escape' && target.matches('input')) target.value = target.defaultValue;
});

$('#books').addEventListener('focusout', ({ target }) => {
  if (target.matches('input:invalid')) target.value = target.defaultValue;
});

const acting = {
  delete: (id) => call('bookstore/delete_book', id),
  wish: (id, { ariaPressed }) => call('bookstore/set_wish', id, ariaPressed !== 'true'),
};

$('#books').addEventListener('click', async ({ target }) => {
  const act = acting[target.dataset.action];
  if (!act) return;
  target.disabled = true;
  await act(target.closest('tr').dataset.bookId, target);
  target.disabled = false;
});

$('#add-book').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const { title, author_id, pages, price } = Object.fromEntries(new FormData(form));
  const button = $('button', form);
  button.disabled = true;
  if (await call('bookstore/add_book', { title, author_id, pages: Number(pages), price })) {
    form.elements.title.value = '';
    form.elements.title.focus();
  }
  button.disabled = false;
});

// The connection

const statusTexts = {
  connecting: () => 'Connecting…',
  connected: () => 'Live',
  waiting: ({ retryIn }) => `No connection, next try in ${Math.max(1, Math.round(retryIn / 1000))} s`,
  offline: () => 'Disconnected',
  failed: () => 'The server speaks another language',
};

function showStatus(status, info) {
  $('#status').dataset.status = status;
  $('#status').textContent = statusTexts[status](info);
  $('#retry').hidden = status === 'connected' || status === 'connecting';
}

client.on('status', showStatus);
$('#retry').addEventListener('click', () => client.reconnect());

// Errors

let toastTimer;

function toast({ reason, message }) {
  $('#toast span').textContent = reason ?? message;
  $('#toast').hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(hideToast, 8000);
}

function hideToast() {
  $('#toast').hidden = true;
}

$('#toast button').addEventListener('click', hideToast);
client.on('error', toast);

follow();
