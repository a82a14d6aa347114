// Doubles, steered.

import { once } from 'node:events';
import * as gatepass from 'gatepass';
import { doubles } from 'gatepass/testing';
import { moments } from './moments.js';

const told = await moments(gatepass, {
  url: 'ws://127.0.0.1/',
  accept: async (socket) => {
    await doubles.socket(socket).accept();
    await new Promise((resolve) => setTimeout(resolve));
  },
  say: async (socket, text) => doubles.socket(socket).receive(text),
  end: async (socket, code, reason) => doubles.socket(socket).lose(code, reason),
  signIn: (session, name) => {
    const login = session.login({ username: name });
    if (name === 'nobody') doubles.session(session).refuse();
    else doubles.session(session).signInAs(name);
    return login;
  },
  sayFirst: async (socket, text) => {
    while (socket.phase !== 'authenticating') await once(socket, 'statechange');
    doubles.socket(socket).receive(text);
  },
  // Of the last connection.
  received: async (socket, count) => doubles.socket(socket).sent.slice(-count),
});
console.log(JSON.stringify(told));
