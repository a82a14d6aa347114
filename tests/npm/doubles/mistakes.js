// Mistakes of a test, and what they say.

import { anonymous, AuthSocket, query, Session, webSocketClass } from 'gatepass';
import { doubles } from 'gatepass/testing';

const told = {};
const fails = async (name, call) => {
  try {
    await call();
    told[name] = 'nothing';
  } catch (error) {
    told[name] = `${error.code ?? error.name} ${error.message}`;
  }
};

await fails('no socket', () => doubles.socket());
await fails('no session', () => doubles.session());
const socket = new AuthSocket('wss://api.example.com/ws/', { scheme: anonymous() });
await fails('another URL', () => doubles.socket('/nope'));
const server = doubles.socket(socket);
await Promise.resolve();
await fails('a message too early', () => server.receive('hello'));
await server.accept();
await fails('accepted twice', () => server.accept());
await fails('an unknown code', () => server.failWith('NOPE', 'retry'));
await fails('no close code', () => server.lose(5));
await fails('no message', () => server.receive(undefined));
await fails('not suspended', () => server.resume());
socket.close();
await fails('accepted after the end', () => server.accept());

const session = new Session({ login: { url: 'https://api.example.com/login' } });
const other = new AuthSocket('wss://api.example.com/ws/', { session, scheme: query() });
await fails('nobody signed in', () => doubles.socket(other).accept());
await fails('no login', () => doubles.session().refuse());
const first = session.login({ username: 'maggie' });
const second = session.login({ username: 'bob' });
await fails('a later login', () => first);
doubles.reset();
await fails('a reset', () => second);
const Socket = webSocketClass({ scheme: anonymous() });
const native = new Socket('wss://api.example.com/class/');
const events = [];
for (const type of ['error', 'close']) native.addEventListener(type, ({ code }) => events.push(type, code));
await Promise.resolve();
doubles.socket('/class/').lose();
told['a failed try of a class'] = `${events.filter(Boolean).join(' ')} ${native.readyState}`;
console.log(JSON.stringify(told));
