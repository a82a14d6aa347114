// Everything visible of a page: console, events, errors, URLs. It contains no credential, except where a scheme needs it.

import assert from 'node:assert/strict';

/** The only places of a socket's address that may hold one: of `query()` a token, of `ticket()` a ticket. */
const IN_AN_ADDRESS = [
  [/^\/(channel|ws\/rooms)\/$/, 'ticket', 'ticket'],
  [/^\/(ws\/(jwt|public|welcome)\/|nowhere)$/, 'token', 'access'],
  [/^\/ws\/app_\d\/$/, 'token', 'token'],
];
/** A JWT, and one in base64. */
const JWT = /eyJ[\w-]{10,}\.|ZXlK[\w+/=-]{20,}/;

/** Tells of everything that the page says by `recorded(kind, text)`, and of the credentials that it is given by `credential(kind, text)`. */
function watch() {
  const { recorded, credential } = globalThis;
  /** Every text that a curious reader finds in a value: names, getters and all. */
  const texts = (value, known = new Set()) => {
    if (typeof value === 'function' || known.has(value) || value instanceof Node || value === globalThis) return [];
    if (typeof value !== 'object' || value === null) return [String(value)];
    known.add(value);
    const found = [];
    const attempt = (read) => {
      try {
        found.push(...read());
      } catch {
        // A getter of a prototype, for another kind of value.
      }
    };
    attempt(() => [String(value), JSON.stringify(value)]);
    for (let owner = value; owner && owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
      for (const name of Reflect.ownKeys(owner)) {
        const { get, value: own } = Object.getOwnPropertyDescriptor(owner, name);
        attempt(() => [String(name), ...texts(get ? get.call(value) : own, known)]);
      }
    }
    return found;
  };
  const show = (kind, ...values) => void recorded(kind, values.flatMap((value) => texts(value)).join('\n'));
  globalThis.show = (...values) => show('shown', ...values);
  for (const name of ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn']) {
    const real = console[name];
    console[name] = (...values) => {
      show('console', ...values);
      real(...values);
    };
  }
  const { dispatchEvent } = EventTarget.prototype;
  EventTarget.prototype.dispatchEvent = function (event) {
    show(`event ${event.type}`, event, this);
    return dispatchEvent.call(this, event);
  };
  addEventListener('error', ({ error }) => show('error', error));
  addEventListener('unhandledrejection', ({ reason }) => show('error', reason));
  const realFetch = globalThis.fetch;
  globalThis.fetch = async (...request) => {
    recorded('request', String(request[0]?.url ?? request[0]));
    const { body } = request[1] ?? {};
    if (typeof body === 'string') note(body);
    const response = await realFetch(...request);
    if (response.ok && response.headers.get('content-type')?.includes('json'))
      response
        .clone()
        .text()
        .then(note, () => {});
    return response;
  };
  globalThis.WebSocket = new Proxy(WebSocket, {
    construct: (target, given) => {
      const socket = Reflect.construct(target, given);
      recorded('websocket', socket.url);
      return socket;
    },
  });
  const note = (text) => {
    try {
      JSON.parse(text, (name, value) => {
        if (typeof value === 'string' && value.length > 6 && /^(access|refresh|password|ticket|token|uuid)$/.test(name))
          void credential(name, value);
        return value;
      });
    } catch {
      // Not JSON, so not ours.
    }
  };
}

/** Runs with a browser profile of its own, and fails if a credential shows in what its pages let others see. */
export async function inContext(browser, options, run) {
  const context = await browser.newContext(options);
  const [said, credentials] = [[], new Map()];
  const record = (kind, text) => void said.push([kind, text]);
  await context.exposeBinding('recorded', (_, kind, text) => record(kind, text));
  await context.exposeBinding('credential', (_, kind, text) => void credentials.set(text, kind));
  await context.addInitScript(watch);
  context.on('console', (message) => {
    // The browser's own messages about a socket contain its URL.
    const [, address] = message.text().match(/^WebSocket connection to '(.*?)' failed/) ?? [];
    record(address ? 'websocket' : 'console', address ?? message.text());
  });
  context.on('weberror', (error) => record('error', String(error.error())));
  context.on('request', (request) => record('request', request.url()));
  context.on('page', (page) => page.on('framenavigated', (frame) => record('address', frame.url())));
  let result;
  let patience;
  // Much longer than any test takes. So the test that hangs is named, not the whole file.
  const stuck = new Promise(
    (_, reject) =>
      (patience = setTimeout(() => reject(new Error('the pages of this test do not come to an end')), 90_000)),
  );
  try {
    result = await Promise.race([run(context), stuck]);
    // Messages that were sent before this arrive before its answer.
    await Promise.all(
      context
        .pages()
        .map((page) => page.evaluate(() => recorded('address', location.href)).catch(() => 'the page has gone')),
    );
  } finally {
    clearTimeout(patience);
    await context.close();
  }
  for (const [kind, text] of said) {
    const seen = kind === 'websocket' ? withoutItsOwn(text, credentials) : text;
    assert.doesNotMatch(seen, JWT, `${kind}: a credential is seen`);
    for (const [secret, name] of credentials) {
      for (const form of [secret, encodeURIComponent(secret), btoa(secret)])
        assert.ok(!seen.includes(form), `${kind}: ${name} is seen in ${seen}`);
    }
  }
  return { result, said, credentials };
}

/** A socket's address without the credential that its scheme has to put there. */
function withoutItsOwn(text, credentials) {
  const url = new URL(text);
  const [, parameter, kind] = IN_AN_ADDRESS.find(([path]) => path.test(url.pathname)) ?? [];
  const value = url.searchParams.get(parameter);
  if (value && (credentials.get(value) ?? kind) === kind) url.searchParams.delete(parameter);
  return url.href;
}
