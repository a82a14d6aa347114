// What the tests of conversations have in their pages: sockets with rooms and requests, and the control of the server.

import assert from 'node:assert/strict';
import { control, controlUrl, server } from '../browser.mjs';
import { inPage } from '../page.mjs';

/** What every page of these tests has. Its functions are text for the page. */
const GROUND = `
  globalThis.roomOf = (room, more) => [
    { type: 'join', room },
    { match: { type: 'news', room }, leave: { type: 'leave', room }, reply: { type: 'joined', room }, error: { type: 'refused', room }, ...more },
  ];
  globalThis.ASK = { reply: { type: 'answer', id: '$id' }, error: { type: 'no', id: '$id' } };
  globalThis.roomSocket = async (server, options) => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const { json } = await import('gatepass/conversation');
    return new AuthSocket(server + '/ws/rooms/', {
      scheme: anonymous(), codec: json(), requests: ASK, backoff: { base: 20, cap: 20, spread: 0 }, ...options,
    });
  };
  /** A socket of maggie's, by ticket, and her session. */
  globalThis.maggies = async (server, options) => {
    const { presets, Session } = await import('gatepass');
    const session = new Session(presets.simpleJwt(server + '/api'));
    await session.login({ username: 'maggie', password: 'secret' });
    return [session, await roomSocket(server, { session, ...presets.ticketServerSocket(server), ...options })];
  };
  /** Notes what is heard; \`reaches\` waits until that is the last. */
  globalThis.ear = () => {
    const heard = [];
    const waits = new EventTarget();
    const note = (what) => {
      heard.push(what);
      waits.dispatchEvent(new Event('heard'));
    };
    const reaches = (last) => heard.at(-1) === last || next(waits, 'heard', () => heard.at(-1) === last);
    return { heard, note, reaches };
  };
  globalThis.next = (target, type, is = () => true) =>
    new Promise((resolve) => {
      const listen = (event) => {
        if (!is(event)) return;
        target.removeEventListener(type, listen);
        resolve(event);
      };
      target.addEventListener(type, listen);
    });
  globalThis.control = (command) => fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
  /** The messages that the server has. */
  globalThis.said = async () =>
    (await (await fetch(controlUrl + '/received')).json()).flatMap(({ text }) => (text === undefined ? [] : JSON.parse(text)));
  /** Until so many sockets are open. */
  globalThis.isOpen = async (count) => {
    while ((await (await fetch(controlUrl + '/counts')).json()).open !== count);
  };
  globalThis.take = async (messages, count) => {
    const taken = [];
    for await (const message of messages) if (taken.push(message) === count) break;
    return taken;
  };
`;

/** The same, and where the server is controlled. */
export const ground = `globalThis.controlUrl = ${JSON.stringify(controlUrl)};${GROUND}`;

/** Runs a script in a page with that. */
export async function run(script, settings) {
  await control({ do: 'reset' });
  if (settings) await control({ do: 'setSettings', settings });
  const { result, said } = await inPage(
    async ([ground, script, server]) => {
      (0, eval)(ground);
      return (0, eval)(`(${script})`)(server);
    },
    [ground, String(script), server],
  );
  assert.deepEqual(
    said.filter((text) => !/^WebSocket connection to|in match|in onMessage/.test(text)),
    [],
  );
  return result;
}
