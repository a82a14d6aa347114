// Real sockets, and a real server on this machine.

import { once } from 'node:events';
import * as gatepass from 'gatepass/node';
import { WebSocket, WebSocketServer } from 'ws';
import { moments } from './moments.js';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await once(server, 'listening');
let peer;
const received = new Map();
server.on('connection', (socket) => {
  peer = socket;
  received.set(socket, []);
  socket.on('message', (data) => received.get(socket).push(String(data)));
});
let user;

const told = await moments(gatepass, {
  url: `ws://127.0.0.1:${server.address().port}/`,
  webSocket: WebSocket,
  fetch: async () =>
    user === 'nobody' ? Response.json({ detail: 'no' }, { status: 400 }) : Response.json({ access: user }),
  accept: async (socket, type = 'open') => {
    if (socket.state !== 'connected') await once(socket, type);
    await new Promise((resolve) => setTimeout(resolve));
  },
  say: async (socket, text) => {
    const heard = once(socket, 'message');
    peer.send(text);
    await heard;
  },
  end: async (_socket, code, reason) => {
    // What was sent has arrived.
    const pong = once(peer, 'pong');
    peer.ping();
    await pong;
    if (code === 1006) peer.terminate();
    else peer.close(code, reason);
  },
  signIn: (session, name) => {
    user = name;
    return session.login({ username: name });
  },
  sayFirst: async (_socket, text) => {
    await once(server, 'connection');
    peer.send(text);
  },
  received: async (_socket, count) => {
    while (received.get(peer).length < count) await once(peer, 'message');
    return received.get(peer);
  },
});
console.log(JSON.stringify(told));
server.close();
for (const socket of server.clients) socket.terminate();
