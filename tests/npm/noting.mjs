// A page that notes what is dialled and sent, for tests of what a connection says.

import { server } from './browser.mjs';
import { inPage } from './page.mjs';

/** A WebSocket that notes what is dialled and sent: put into the page's scripts as text. */
const NOTING = `
  globalThis.dialled = [];
  globalThis.noted = new EventTarget();
  globalThis.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      const sent = [];
      dialled.push({ url, protocols, sent });
      this.send = (data) => {
        sent.push(data);
        Object.getPrototypeOf(this).send.call(this, data);
        noted.dispatchEvent(new Event('sent'));
      };
    }
  };
  globalThis.signedIn = async (Session, server, options) => {
    const session = new Session({ login: { url: server + '/api/token/' }, refresh: { url: server + '/api/token/refresh/' }, ...options });
    await session.login({ username: 'maggie', password: 'secret' });
    return session;
  };
  globalThis.until = (is, target = noted, type = 'sent') =>
    new Promise((resolve) => {
      const look = () => {
        if (!is()) return;
        target.removeEventListener(type, look);
        resolve();
      };
      target.addEventListener(type, look);
      look();
    });
`;

/** Runs a script in a page with that, and with the address of the mock server. */
export const run = async (script, argument) => (await inPage(script, { server, noting: NOTING, ...argument })).result;
