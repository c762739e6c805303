/** Where a login is kept, so that it outlives the page. */

/** @typedef {{token: string, expires: number | null}} Login `expires`: milliseconds since 1970 */

/** @param {any} window @returns {any} a browser may forbid even to look at it */
function localStorageOf(window) {
  try {
    return window.localStorage ?? null;
  } catch {
    return null;
  }
}

/** One login, in memory and, where there is a storage, in one of its items. */
export class LoginStore {
  #storage;
  #key;
  /** @type {Login | null} */
  #login = null;

  /**
   * @param {any} window
   * @param {import('./accounts.d.ts').AccountsOptions} options
   * @param {() => void} changed another tab has logged in or out
   */
  constructor(window, { storage = localStorageOf(window), storageKey = 'dddp.login' }, changed) {
    this.#storage = storage;
    this.#key = storageKey;
    this.#read();
    window.addEventListener?.('storage', (/** @type {any} */ { key, storageArea }) => {
      // All items at once have no key.
      if (!storage || storageArea !== storage || (key ?? storageKey) !== storageKey) return;
      this.#login = null;
      this.#read();
      changed();
    });
  }

  /** The token, if there is one that has not expired. Another tab may have left a newer one. */
  get token() {
    this.#read();
    const { token, expires } = this.#login ?? {};
    if (expires != null && expires <= Date.now()) this.forget(token);
    return this.#login?.token;
  }

  /** @param {string} token @param {Date} [expires] */
  set(token, expires) {
    this.#login = { token, expires: expires?.getTime() ?? null };
    this.#write((storage) => storage.setItem(this.#key, JSON.stringify(this.#login)));
  }

  /** @param {string | undefined} token only this one: a newer one of another tab stays */
  forget(token) {
    this.#read();
    if (this.#login?.token !== token) return;
    this.#login = null;
    this.#write((storage) => storage.removeItem(this.#key));
  }

  /** What is there replaces what is known; what cannot be read is not there. */
  #read() {
    try {
      const { token, expires = null } = JSON.parse(this.#storage?.getItem(this.#key) ?? '{}');
      if (typeof token === 'string') this.#login = { token, expires };
    } catch {
      // Of somebody else, or not to be read: the login in memory goes on.
    }
  }

  /** @param {(storage: any) => void} act */
  #write(act) {
    try {
      if (this.#storage) act(this.#storage);
    } catch {
      // It is full, or forbidden: the login lasts as long as the page.
    }
  }
}
