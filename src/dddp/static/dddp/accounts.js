/**
 * The client of ddp.js for servers with `dddp.accounts` (or Meteor's accounts): it logs in, stays
 * logged in over reconnects and reloads, and follows what other tabs do.
 *
 *     import { connect } from './accounts.js';
 *     const client = connect();
 *     client.on('user', (user) => { ... });
 *     await client.loginWithPassword('ada', 'a password');
 */

import { Client, DDPError } from './ddp.js';
import { websocketUrl } from './connection.js';
import { LoginStore } from './login-store.js';
import { digestOf, isPrivate } from './passwords.js';

export { DDPError, EJSON, randomId } from './ddp.js';

/** What must not be done twice, or is of no use on the next connection. */
const ONCE = { noRetry: true };

/** @typedef {import('./accounts.d.ts').AccountsClient} AccountsInterface */
/** @implements {AccountsInterface} */
class AccountsClient extends Client {
  #window;
  #store;
  #mayPassPasswords;
  #mayPassPlain;
  /** @type {string | null} */
  #userId = null;
  /** Logins that were asked for and not answered. */
  #pending = 0;
  /** The server could not tell what becomes of the token. */
  #isStuck = false;
  /** How many sessions have begun: a login is good for the one it was made in. */
  #session = 0;

  /** @param {string | undefined} url @param {import('./accounts.d.ts').AccountsOptions} options */
  constructor(url, options) {
    super(url, options);
    this.#window = options.window ?? globalThis;
    this.#store = new LoginStore(this.#window, options, () => this.#follow());
    const isSafe = isPrivate(websocketUrl(url, this.#window));
    this.#mayPassPasswords = isSafe || options.insecurePasswords === true;
    this.#mayPassPlain = options.plainPasswords !== false;
    this.on('status', (status, { resumed }) => {
      if (status !== 'connected') return;
      if (resumed && !this.#isStuck) return; // a session that goes on is still logged in
      this.#session += 1;
      if (this.#userId !== null || this.#store.token) this.#resume();
    });
    this.collection('users').on('change', ({ added, changed, removed }) => {
      const docs = [...added, ...changed.map(({ doc }) => doc), ...removed];
      if (docs.some(({ _id }) => _id === this.#userId)) this.#tell();
    });
  }

  get userId() {
    return this.#userId;
  }

  /** It is not known yet who is logged in. */
  get loggingIn() {
    return this.#pending > 0
      || (this.#userId === null && !this.#isStuck && this.#store.token !== undefined);
  }

  /** @returns {any} */
  user() {
    return this.#userId === null ? null : this.collection('users').get(this.#userId) ?? null;
  }

  /**
   * @param {string | object} user a name, an address, or `{username}`, `{email}` or `{id}`
   * @param {string} password
   */
  loginWithPassword(user, password) {
    const selector = typeof user === 'string' ? { [user.includes('@') ? 'email' : 'username']: user }
      : user;
    return this.#enter(() => this.#passing([password], 'login', (sent) => [
      { user: selector, password: sent },
    ]));
  }

  /** @param {string} token */
  loginWithToken(token) {
    return this.login({ resume: token });
  }

  /** @param {object} options what a login handler of the server takes */
  login(options) {
    return this.#enter(() => this.apply('login', [options], ONCE));
  }

  /** @param {{password?: string}} options */
  createUser({ password, ...options }) {
    const passwords = password === undefined ? [] : [password];
    return this.#enter(() => this.#passing(passwords, 'createUser', (sent) => [
      sent === undefined ? options : { ...options, password: sent },
    ]));
  }

  async logout() {
    const { token } = this.#store;
    try {
      await this.call('logout');
    } finally {
      this.#leave(token);
    }
  }

  /** Another token first: who has the one of now, which is stored, is logged out by that. */
  async logoutOtherClients() {
    await this.#enter(() => this.apply('getNewToken', [], ONCE));
    await this.call('removeOtherTokens');
  }

  /** @param {string} old @param {string} password */
  async changePassword(old, password) {
    await this.#passing([old, password], 'changePassword', (...sent) => sent);
  }

  /** @param {string} email */
  async forgotPassword(email) {
    await this.call('forgotPassword', { email });
  }

  /** @param {string} token @param {string} password */
  resetPassword(token, password) {
    return this.#enter(() => this.#passing([password], 'resetPassword', (sent) => [token, sent]));
  }

  /** @param {string} token */
  verifyEmail(token) {
    return this.#enter(() => this.apply('verifyEmail', [token], ONCE));
  }

  /** Call a method with passwords: their digests, or what they are if the server asks for it. */
  async #passing(
    /** @type {string[]} */ passwords,
    /** @type {string} */ method,
    /** @type {(...sent: any[]) => unknown[]} */ params,
  ) {
    if (!this.#mayPassPasswords) {
      throw new DDPError('insecure', 'Passwords are sent over https only.');
    }
    const digests = await Promise.all(passwords.map((each) => digestOf(each, this.#window)));
    if (digests.includes(undefined)) return this.apply(method, params(...passwords), ONCE);
    try {
      return await this.apply(method, params(...digests), ONCE);
    } catch (/** @type {any} */ error) {
      if (!this.#mayPassPlain || error.details?.plainPassword !== true) throw error;
      return this.apply(method, params(...passwords), ONCE);
    }
  }

  /**
   * Call a method that logs in, and keep the login.
   *
   * @param {() => Promise<any>} call
   * @returns {Promise<string>} the id of the user
   */
  async #enter(call) {
    const session = this.#session;
    this.#wait(1);
    try {
      const { id, token, tokenExpires } = await call();
      this.#store.set(token, tokenExpires);
      this.#userId = id;
      // Its answer came, but the connection it was for has gone before all of it could be shown.
      if (session !== this.#session && this.status === 'connected') this.#resume();
      return id;
    } finally {
      this.#wait(-1);
    }
  }

  /** Log in with the token there is: the first call of a session, before all that is sent again. */
  async #resume() {
    const { token } = this.#store;
    if (token === undefined) {
      this.#leave(token, new DDPError('expired', 'Your session has expired. Please log in again.'));
      return;
    }
    this.#isStuck = false;
    try {
      const { id, tokenExpires } = await this.apply('login', [{ resume: token }], {
        noRetry: true, first: true,
      });
      this.#store.set(token, tokenExpires);
      this.#userId = id;
      this.#tell();
    } catch (/** @type {any} */ error) {
      this.#notResumed(token, error);
    }
  }

  /** @param {string} token @param {DDPError} error */
  #notResumed(token, error) {
    if (error.error === 'invocation-failed' || error.error === 'closed') return; // to be tried again
    if (error.error === 403) {
      this.#leave(token, error);
      if (this.#store.token !== undefined) this.#resume(); // another tab has a newer one
      return;
    }
    this.#isStuck = true;
    this.#userId = null;
    this.#tell(error);
  }

  /** @param {string | undefined} token @param {DDPError} [error] */
  #leave(token, error) {
    this.#store.forget(token);
    this.#userId = null;
    this.#tell(error);
  }

  /** Another tab has logged in or out. */
  #follow() {
    const isConnected = this.status === 'connected';
    if (!isConnected) this.beginAnew(); // with that login, or without one
    if (this.#store.token === undefined) {
      if (this.#userId === null) return;
      if (isConnected) this.logout().catch(() => {});
      else this.#leave(undefined);
    } else if (isConnected) {
      this.#resume();
    }
  }

  /** @param {number} more */
  #wait(more) {
    this.#pending += more;
    this.#tell();
  }

  /** @param {DDPError} [error] */
  #tell(error) {
    this.emit('user', this.user(), { userId: this.#userId, loggingIn: this.loggingIn, error });
  }
}

/** @type {typeof import('./accounts.d.ts').connect} */
export function connect(url, options = {}) {
  return new AccountsClient(url, options);
}
