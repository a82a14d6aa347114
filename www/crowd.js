// Many clients of one server that restarts: those that wait a second, and those of gatepass.

import { anonymous, AuthSocket } from 'gatepass';

/** Of each kind: browsers open about 200 sockets, and not more. */
const COUNT = 80;
/** The hint of the server, in seconds. */
export const SPREAD = 5;
const SLOT = 250;

/** Opens a crowd of each kind in turn, lets `restart` happen, and returns when each client has dialled again, in milliseconds since then. */
export async function crowd(url, restart) {
  return { fixed: await backOf(fixed, url, restart), gatepass: await backOf(ours, url, restart) };
}

async function backOf(kind, url, restart) {
  const times = [];
  let since;
  const dials = () => since !== undefined && times.push(performance.now() - since);
  const clients = Array.from({ length: COUNT }, () => kind(url, dials));
  try {
    await Promise.all(clients.map(({ opened }) => opened));
    since = performance.now();
    await restart();
    while (times.length < COUNT) await new Promise((resolve) => setTimeout(resolve, 100));
    return times;
  } finally {
    for (const { end } of clients) end();
  }
}

/** As many apps have it: a second after each loss. */
function fixed(url, dials) {
  let socket;
  let isOver = false;
  let first;
  const opened = new Promise((resolve) => (first = resolve));
  const open = () => {
    dials();
    socket = new WebSocket(url);
    socket.onopen = first;
    socket.onclose = () => isOver || setTimeout(open, 1_000);
  };
  open();
  const end = () => {
    isOver = true;
    // A browser complains of a socket that is closed while it opens.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
  };
  return { opened, end };
}

function ours(url, dials) {
  const socket = new AuthSocket(url, { scheme: anonymous() });
  socket.addEventListener('statechange', ({ phase }) => phase === 'opening' && dials());
  return { opened: socket.ready(), end: () => socket.close() };
}

/** The most that dial within a quarter of a second. */
export const peak = (times) => Math.max(...slots(times));

/** How many dial in each quarter of a second. */
export function slots(times) {
  const counts = Array.from({ length: ((SPREAD + 2) * 1_000) / SLOT }, () => 0);
  for (const time of times) counts[Math.min(counts.length - 1, Math.floor(time / SLOT))]++;
  return counts;
}
