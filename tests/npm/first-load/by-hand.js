// By hand, as newcomers write it: tokens in localStorage, a renewal when it is refused, a ticket, a backoff and a queue.

import { KEY, ref, start } from './app.js';

const tokens = JSON.parse(localStorage.getItem(KEY) ?? 'null');
const state = ref('connecting');
start(ref(tokens !== null), state);

async function ticket(again = true) {
  const response = await fetch('/ws_ticket', { headers: { Authorization: `Bearer ${tokens.access}` } });
  if (response.status === 401 && again) {
    const body = JSON.stringify({ refresh: tokens.refresh });
    const renewed = await fetch('/api/token/refresh/', { method: 'POST', body });
    if (!renewed.ok) throw new Error('sign in again');
    Object.assign(tokens, await renewed.json());
    localStorage.setItem(KEY, JSON.stringify({ ...tokens }));
    return ticket(false);
  }
  return (await response.json()).ticket;
}

const queue = [];
let socket;
let tries = 0;
async function connect() {
  try {
    socket = new WebSocket(`${location.origin.replace('http', 'ws')}/channel/?ticket=${await ticket()}`);
    socket.onopen = () => {
      tries = 0;
      state.value = 'connected';
      for (const message of queue.splice(0)) socket.send(message);
    };
    socket.onclose = again;
  } catch {
    again();
  }
}
function again() {
  state.value = 'waiting';
  setTimeout(connect, Math.min(30_000, 1_000 * 2 ** tries++) * Math.random());
}
export const send = (message) => (socket?.readyState === 1 ? socket.send(message) : queue.push(message));
if (tokens) connect();
