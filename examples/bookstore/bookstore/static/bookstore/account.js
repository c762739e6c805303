/** Who is logged in: signing up, logging in and out, here and elsewhere. */

import { $, client } from './client.js';

const card = $('#account-card');
const form = $('#log-in');
const problem = () => $(client.userId === null ? '#log-in .problem' : '#logged-in .problem');

// What belongs to the user comes and goes with the login: the server sees to that.
client.subscribe('MyWishes');
const wishes = client.collection('bookstore.wish');

wishes.on('change', () => {
  $('[data-field=wishes]', card).textContent = wishes.size;
});

client.on('user', showUser);
showUser(client.user(), client);

function showUser(user, { loggingIn, error }) {
  $('#account').textContent = user?.username ?? (loggingIn ? '…' : 'Log in');
  $('#account').dataset.user = user?.username ?? '';
  $('[data-field=username]', card).textContent = user?.username;
  form.hidden = user !== null;
  $('#logged-in').hidden = user === null;
  if (error) {
    say(error);
    card.showPopover();
  }
}

/** Do it; the buttons wait until it is done. */
async function act(work) {
  const buttons = card.querySelectorAll('button');
  say(null);
  for (const button of buttons) button.disabled = true;
  try {
    await work();
    card.hidePopover();
  } catch (error) {
    say(error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

function say(error) {
  for (const each of card.querySelectorAll('.problem')) each.hidden = true;
  if (!error) return;
  problem().textContent = error.reason ?? error.message;
  problem().hidden = false;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(form));
  act(async () => {
    if (event.submitter?.name === 'sign-up') await client.createUser({ username, password });
    else await client.loginWithPassword({ username }, password);
    form.reset();
  });
});

$('[name=log-out]').addEventListener('click', () => act(() => client.logout()));
$('[name=log-out-others]').addEventListener('click', () => act(() => client.logoutOtherClients()));
