// partysocket reconnects and queues; tokens, tickets and renewals are the app's.

import { WebSocket as PartySocket } from 'partysocket';
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

if (tokens) {
  const socket = new PartySocket(
    async () => `${location.origin.replace('http', 'ws')}/channel/?ticket=${await ticket()}`,
  );
  socket.addEventListener('open', () => (state.value = 'connected'));
  socket.addEventListener('close', () => (state.value = 'waiting'));
}
