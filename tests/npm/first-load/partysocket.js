// partysocket reconnects and queues; tokens, tickets and renewals are the app's.

import { WebSocket as PartySocket } from 'partysocket';
import { state, ticket, tokens } from './tokens.js';

if (tokens) {
  const socket = new PartySocket(
    async () => `${location.origin.replace('http', 'ws')}/channel/?ticket=${await ticket()}`,
  );
  socket.addEventListener('open', () => (state.value = 'connected'));
  socket.addEventListener('close', () => (state.value = 'waiting'));
}
