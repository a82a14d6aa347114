// A conversation with a double: what an app subscribes to and asks is in `sent`, and what the test says arrives as values.

import { doubles } from 'gatepass/testing';
import { anonymous, AuthSocket } from 'gatepass';
import { json } from 'gatepass/conversation';

const socket = new AuthSocket('wss://a.example/', { scheme: anonymous(), codec: json() });
const heard = [];
const options = { match: { room: 'a' }, leave: { type: 'leave' }, onMessage: ({ text }) => heard.push(text) };
const room = socket.subscribe({ type: 'join', room: 'a' }, options);
const asked = socket.request({ type: 'ask' });
await undefined;
const double = doubles.socket();
await double.accept();
await room.ready;
double.receive({ room: 'a', text: 'hello' });
double.receive({ id: 1, is: 'an answer' });
const lost = socket.request({ type: 'ask' }).catch(({ code, fate }) => [code, fate]);
double.lose();
const fate = await lost;
socket.reconnect();
await double.accept();
room.unsubscribe();
await undefined;
console.log(JSON.stringify({ heard, answer: await asked, fate, sent: double.sent.map((text) => JSON.parse(text)) }));
doubles.reset();
