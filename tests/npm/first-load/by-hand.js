// By hand, as newcomers write it: the tokens, a backoff and a queue.

import { state, ticket, tokens } from './tokens.js';

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
