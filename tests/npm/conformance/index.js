// What a WebSocket does, as rows of a table: the name of a check and what was seen. Written from the WHATWG WebSockets standard, Web IDL and
// HTML's event handlers. It runs in a page and in a worker, for the browser's class and for ours.

import { constructorChecks, interfaceChecks } from './construction.js';
import { closeChecks, serverChecks } from './ends.js';
import { eventChecks } from './events.js';
import { sendChecks } from './messages.js';
import { outcome } from './seen.js';

/** Runs all checks for a class, some at a time. Returns rows of name and what was seen. */
export async function conformance(Class, base) {
  const checks = [interfaceChecks, constructorChecks, sendChecks, closeChecks, serverChecks, eventChecks].flatMap(
    (part) => [...part(Class, base)],
  );
  const rows = [];
  const worker = async () => {
    for (let check = checks.shift(); check; check = checks.shift())
      rows.push([check[0], String(await outcome(check[1]))]);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return rows;
}
