// The demo: what an app would write, with every event shown.

import { anonymous, AuthSocket, firstMessage, load, presets, query, Session } from 'gatepass';
import { userMessage } from 'gatepass/user-messages';
import { faults } from './faults.js';

const server = location.origin;
const element = (id) => document.getElementById(id);

const SCHEMES = {
  ticket: {
    label: 'Ticket in the URL',
    help: 'A single-use ticket is fetched for each attempt (GET /ws_ticket), then /channel/?ticket=…',
    path: '/channel/',
    ...presets.ticketServerSocket(server),
  },
  first: {
    label: 'First message',
    help: 'The socket opens, then {"token": …} is sent. The server does not answer a valid token, and closes for an invalid one.',
    path: '/ws/first/',
    scheme: firstMessage({ message: { token: '$token' } }),
  },
  ack: {
    label: 'First message with an answer',
    help: 'As above, but the server answers {"type": "auth_ok"} or {"type": "auth_invalid"}.',
    path: '/ws/ack/',
    scheme: firstMessage({ message: { token: '$token' }, ack: { type: 'auth_ok' }, reject: { type: 'auth_invalid' } }),
  },
  hello: {
    label: 'Hello, then first message',
    help: 'The server sends {"type": "auth_required"} first, as Home Assistant does.',
    path: '/ws/hello/',
    scheme: firstMessage({
      message: { type: 'auth', access_token: '$token' },
      hello: { type: 'auth_required' },
      ack: { type: 'auth_ok' },
      reject: { type: 'auth_invalid' },
    }),
  },
  query: {
    label: 'Token in the URL',
    help: 'The token itself is in the URL, where server logs keep it. For servers that support nothing else.',
    path: '/ws/jwt/',
    scheme: query(),
  },
  anonymous: { label: 'No credential', help: 'Anybody may connect.', path: '/ws/anonymous/', scheme: anonymous() },
};

await load();
const session = new Session(presets.simpleJwt(`${server}/api`));
let socket;
let wraps = false;
let retryAt;

// Sign in

let user = '';
const showUser = () => (element('user').textContent = session.state === 'signed-in' ? user : session.state);
session.addEventListener('change', showUser);

element('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(event.target));
  element('login-error').textContent = '';
  try {
    await session.login({ username, password });
    user = username;
    showUser();
  } catch (error) {
    element('login-error').textContent = `${userMessage(error)} (${error.code})`;
  }
});

element('logout').addEventListener('click', () => session.logout());

// Connect

for (const [name, { label }] of Object.entries(SCHEMES)) element('scheme').add(new Option(label, name));
const showHelp = () => (element('scheme-help').textContent = SCHEMES[element('scheme').value].help);
element('scheme').addEventListener('change', showHelp);
showHelp();

element('connect').addEventListener('submit', (event) => {
  event.preventDefault();
  socket?.close();
  const { path, scheme } = SCHEMES[element('scheme').value];
  const { beats, confirms } = event.target.elements;
  const present = new AuthSocket(server.replace('http', 'ws') + path, {
    session,
    scheme,
    // The server repeats what it is told, so its pong is the ping, and its acknowledgement the message.
    ...(beats.checked && {
      heartbeat: { message: { type: 'ping' }, pong: { type: 'ping' }, interval: 3_000, timeout: 2_000 },
    }),
    ...(confirms.checked && { confirm: { id: 'id', ack: { id: '$id' } } }),
  });
  socket = present;
  wraps = confirms.checked;
  // An earlier socket may still have something to say; the page shows the present one.
  const on = (type, show) => present.addEventListener(type, (event) => present === socket && show(event));
  on('statechange', showState);
  on('message', (event) => {
    log('heard', event.data);
    showQueued();
  });
  on('open', showQueued);
});

element('reconnect').addEventListener('click', () => socket?.reconnect());
element('close').addEventListener('click', () => socket?.close());

// State and timeline

function showState(change) {
  element('badge').dataset.state = change.state;
  element('state').textContent = change.state;
  element('phase').textContent = change.phase ?? '';
  element('attempt').textContent = change.attempt;
  const waits = change.suspendedFor === 'sign-in' ? 'It waits until somebody signs in.' : '';
  element('reason').textContent = change.error ? `${change.error.message} (${change.error.code})` : waits;
  retryAt = change.retryAt;
  showCountdown();
  showQueued();
  addRow(change);
}

function showCountdown() {
  const millis = retryAt === undefined ? undefined : Math.max(0, retryAt - Date.now());
  element('countdown').textContent = millis === undefined ? '–' : `in ${(millis / 1000).toFixed(1)} s`;
}

setInterval(showCountdown, 100);

function showQueued() {
  const { queued = 0, connections = 0 } = socket?.stats() ?? {};
  element('queued').textContent = queued;
  element('connections').textContent = connections;
}

function addRow({ attempt, state, phase, code, reason, error, retryAt, dropped, unconfirmed }) {
  const what = [
    error && `${error.code}: ${error.message}`,
    reason && `“${reason}”`,
    retryAt && `next try in ${((retryAt - Date.now()) / 1000).toFixed(1)} s`,
    dropped > 0 && `${dropped} queued messages dropped`,
    unconfirmed.length > 0 && `may not have arrived: ${unconfirmed.join(', ')}`,
  ];
  const cells = [
    new Date().toLocaleTimeString(),
    attempt,
    phase ? `${state}: ${phase}` : state,
    code ?? '',
    what.filter(Boolean).join(' · '),
  ];
  const row = element('timeline').insertRow(0);
  row.dataset.state = state;
  for (const cell of cells) row.insertCell().textContent = cell;
  while (element('timeline').rows.length > 200) element('timeline').deleteRow(-1);
}

// Messages

element('send').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = event.target.elements.text;
  element('send-error').textContent = socket ? '' : 'Connect first.';
  if (!socket) return;
  const text = wraps ? JSON.stringify({ id: crypto.randomUUID(), text: input.value }) : input.value;
  try {
    const message = socket.send(text);
    const item = log(message.status, text);
    socket.sent(message).then((status) => {
      item.className = status;
      showQueued();
    });
    input.value = '';
  } catch (error) {
    element('send-error').textContent = `${error.message} (${error.code})`;
  }
  showQueued();
});

function log(kind, text) {
  const item = document.createElement('li');
  item.className = kind;
  item.textContent = typeof text === 'string' ? text : '(binary)';
  element('messages').append(item);
  // Within the list: the page stays where it is.
  element('messages').scrollTop = element('messages').scrollHeight;
  return item;
}

// Faults

const control = await (await fetch('/control')).text();
for (const { label, said, command } of faults) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = label;
  button.addEventListener('click', async () => {
    await fetch(control, { method: 'POST', body: JSON.stringify(command) });
    element('fault-said').textContent = said;
  });
  element('faults').append(button);
}

// What the browser says when the network goes and comes; a page that has none would not have been loaded.
for (const button of document.querySelectorAll('[data-page]')) {
  button.addEventListener('click', () => {
    window.dispatchEvent(new Event(button.dataset.page));
    element('fault-said').textContent = `The page was told that it is ${button.dataset.page}.`;
  });
}

document.documentElement.dataset.ready = 'true';
