/** How passwords are sent: as Meteor's clients do, as their SHA-256, wherever that can be made. */

const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]']);

/** @param {string} url of a WebSocket @returns {boolean} whether nobody on the way can read along */
export function isPrivate(url) {
  const { protocol, hostname } = new URL(url);
  return protocol === 'wss:' || LOCAL.has(hostname);
}

/**
 * @param {string} password
 * @param {any} window
 * @returns {Promise<{digest: string, algorithm: string} | undefined>} undefined: the page has no
 *   Web Crypto, for it came by plain HTTP
 */
export async function digestOf(password, window) {
  const subtle = window.crypto?.subtle;
  if (!subtle) return undefined;
  const bytes = new Uint8Array(await subtle.digest('SHA-256', new TextEncoder().encode(password)));
  const digest = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { digest, algorithm: 'sha-256' };
}
