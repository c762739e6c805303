/** Types of accounts.js, the client of django-ddp that logs in. The reference is docs/client.md. */

import { Client, Doc, DDPError, Options, Unlisten } from './ddp.js';

export * from './ddp.js';

export interface AccountsOptions extends Options {
  /** Where logins are kept; null: nowhere. Default: localStorage. */
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;
  /** The item there. Default: 'dddp.login'. */
  storageKey?: string;
  /** Send the password itself when the server asks for it. Default: true. */
  plainPasswords?: boolean;
  /** Send passwords over ws: to other machines, too. Default: false. */
  insecurePasswords?: boolean;
}

export function connect(url?: string, options?: AccountsOptions): AccountsClient;

/** What the server publishes of the user; projects may publish more. */
export interface User extends Doc {
  readonly username?: string;
  readonly emails?: readonly { readonly address: string; readonly verified: boolean }[];
  readonly profile?: { readonly [name: string]: any };
  readonly permissions?: readonly string[];
  readonly createdAt?: Date;
}

/** A user name, an address (anything with an @), or which of them it is. */
export type UserSelector = string | { username: string } | { email: string } | { id: string };

export interface UserInfo {
  userId: string | null;
  loggingIn: boolean;
  /** Why the user is not logged in any more, if the server or the client decided that. */
  error?: DDPError;
}

export interface NewUser {
  username?: string;
  email?: string;
  password?: string;
  profile?: { [name: string]: any };
}

export class AccountsClient extends Client {
  constructor(url: string | undefined, options: AccountsOptions);
  /** Stays while a lost connection is being replaced. */
  readonly userId: string | null;
  /** A login is on its way: who is logged in may be another soon. */
  readonly loggingIn: boolean;
  user<T extends User = User>(): T | null;
  /** Those that log in resolve to the id of the user. */
  loginWithPassword(user: UserSelector, password: string): Promise<string>;
  loginWithToken(token: string): Promise<string>;
  /** Call the method `login` with what one of the server's handlers takes. */
  login(options: object): Promise<string>;
  createUser(user: NewUser): Promise<string>;
  /** Logs out here even if it rejects. */
  logout(): Promise<void>;
  logoutOtherClients(): Promise<void>;
  changePassword(old: string, password: string): Promise<void>;
  forgotPassword(email: string): Promise<void>;
  resetPassword(token: string, password: string): Promise<string>;
  verifyEmail(token: string): Promise<string>;
  on(event: 'user', listener: (user: User | null, info: UserInfo) => void): Unlisten;
  on(event: 'status', listener: Parameters<Client['on']>[1]): Unlisten;
  on(event: string, listener: (...args: any[]) => void): Unlisten;
}
