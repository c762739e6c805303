// The same client over the SockJS client, as a Meteor page connects; the name of a transport may
// follow the client's.
import SockJS from 'sockjs-client';
import { connectWith } from './ddp.js.mjs';

const transport = process.argv[3] ?? 'websocket';

function Socket(endpoint) {
  // Its own measure of how long a transport may take to begin is a few round trips.
  return new SockJS(endpoint, null, { transports: [transport], timeout: 20_000 });
}

export const connect = (url, hooks) =>
  connectWith(Socket, url.replace(/^ws/, 'http').replace(/websocket$/, 'sockjs'), hooks);
