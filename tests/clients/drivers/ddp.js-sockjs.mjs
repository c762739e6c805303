// The same client over the SockJS client, as a Meteor page connects.
import SockJS from 'sockjs-client';
import { connectWith } from './ddp.js.mjs';

function Socket(endpoint) {
  return new SockJS(endpoint, null, { transports: ['websocket'] });
}

export const connect = (url, hooks) =>
  connectWith(Socket, url.replace(/^ws/, 'http').replace(/websocket$/, 'sockjs'), hooks);
