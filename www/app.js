// The demo: what an app would write, beside a bare WebSocket, with every event shown.

import { AuthSocket, load, Session } from 'gatepass';
import { userMessage } from 'gatepass/user-messages';
import { Bare } from './bare.js';
import { armed, faults } from './faults.js';
import { codeOf, SCHEMES, sessionOf } from './schemes.js';
import { stories } from './stories.js';
import { Timeline } from './timeline.js';

const server = location.origin;
const sockets = server.replace('http', 'ws');
const element = (id) => document.getElementById(id);
const timeline = new Timeline(element('drawing'));

await load();
/** By the preset that it is made of: a way in may need a login of its own. */
const sessions = new Map();
let session;
let socket;
let wraps = false;
let retryAt;
let user = '';

// The session

function sessionFor(name) {
  const kind = SCHEMES[name].session ? name : 'jwt';
  if (!sessions.has(kind)) {
    const storeKey = kind === 'jwt' ? 'gatepass demo' : `gatepass demo ${kind}`;
    const made = new Session({ ...sessionOf(name), store: 'localStorage', storeKey });
    made.addEventListener('change', () => made === session && showUser());
    sessions.set(kind, made);
  }
  session = sessions.get(kind);
  showUser();
}

function showUser() {
  const { isSignedIn, state } = session.snapshot;
  timeline.state('token', state);
  element('user').textContent = isSignedIn ? user || 'somebody' : 'nobody';
  element('logout').disabled = !isSignedIn;
}

element('logout').addEventListener('click', () => session.logout());

// The bare socket

const bare = new Bare(({ state, lost, code }) => {
  timeline.state('bare WebSocket', state);
  element('bare').dataset.state = state;
  element('bare-state').textContent = state === 'lost' ? `lost: ${code}` : state;
  const dead = 'nobody opens it again, and its token stays as it is';
  element('bare-said').textContent = [
    state === 'lost' && dead,
    lost > 0 && `${lost} ${lost === 1 ? 'message' : 'messages'} lost`,
  ]
    .filter(Boolean)
    .join('; ');
  element('bare-again').hidden = state !== 'lost';
});
let bareUrl;
element('bare-again').addEventListener('click', () => bare.open(bareUrl));

async function openBare(name) {
  // Where there is no token, or the browser sends a cookie, the URL has none.
  const isPlain = name === 'anonymous' || name === 'cookie';
  const token = isPlain ? undefined : await session.accessToken();
  const path = isPlain ? SCHEMES[name].path : '/ws/jwt/';
  bareUrl = sockets + path + (token ? `?token=${encodeURIComponent(token)}` : '');
  element('bare-url').textContent = path + (token ? `?token=${token.slice(0, 10)}…` : '');
  bare.open(bareUrl);
}

// Connect

for (const [name, { label }] of Object.entries(SCHEMES)) element('scheme').add(new Option(label, name));

function chosen() {
  const { scheme, beats, confirms } = element('connect').elements;
  return { name: scheme.value, beats: beats.checked, confirms: confirms.checked };
}

function showChoice() {
  const { name, ...options } = chosen();
  element('scheme-help').textContent = SCHEMES[name].help;
  element('code').textContent = codeOf(name, options);
  sessionFor(name);
}
element('connect').addEventListener('change', showChoice);
showChoice();

element('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(element('code').textContent);
  element('copy').textContent = 'Copied';
  setTimeout(() => (element('copy').textContent = 'Copy the code'), 2_000);
});

element('connect').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(event.target));
  const { name, beats, confirms } = chosen();
  element('login-error').textContent = '';
  try {
    if (name !== 'anonymous' && (!session.snapshot.isSignedIn || user !== username)) {
      await session.login({ username, password });
      user = username;
      showUser();
    }
  } catch (error) {
    element('login-error').textContent = `${userMessage(error)} (${error.code})`;
    return;
  }
  connect(name, beats, confirms);
  openBare(name).catch((error) => (element('bare-said').textContent = error.message));
});

function connect(name, beats, confirms) {
  socket?.close();
  const { path, options } = SCHEMES[name];
  const present = new AuthSocket(sockets + path, {
    session,
    ...options(),
    // The server repeats what it is told, so its pong is the ping, and its acknowledgement the message.
    ...(beats && { heartbeat: { message: { type: 'ping' }, pong: { type: 'ping' }, interval: 3_000, timeout: 2_000 } }),
    ...(confirms && { confirm: { id: 'id', ack: { id: '$id' } } }),
  });
  socket = present;
  wraps = confirms;
  // An earlier socket may still have something to say; the page shows the present one.
  const on = (type, show) => present.addEventListener(type, (event) => present === socket && show(event));
  on('statechange', showState);
  on('message', (event) => {
    log('heard', event.data);
    showCounts();
  });
  on('open', showCounts);
  for (const button of document.querySelectorAll('[data-needs-socket]')) button.disabled = false;
}

element('reconnect').addEventListener('click', () => socket?.reconnect());
element('close').addEventListener('click', () => socket?.close());

// State, last step, timeline

let lostAt;

function showState(change) {
  const { state, previous, phase, error, suspendedFor } = change;
  timeline.state('gatepass', state);
  if (phase === 'ticket') timeline.mark('tries', 'ticket');
  if (phase === 'opening') timeline.mark('tries', 'try');
  if (previous === 'connected') lostAt = performance.now();
  element('badge').dataset.state = state;
  element('state').textContent = phase ? `${state}: ${phase}` : state;
  retryAt = change.retryAt;
  const waits = { 'sign-in': 'It waits until somebody signs in.', offline: 'There is no network.' }[suspendedFor];
  if (state === 'connected') {
    const after = lostAt === undefined ? '' : `Back after ${((performance.now() - lostAt) / 1_000).toFixed(1)} s.`;
    element('reason').textContent = after;
  } else if (waits) element('reason').textContent = waits;
  else if (error) element('reason').textContent = `${error.message} (${error.code})`;
  showCountdown();
  showCounts();
  addRow(change);
  showArmed();
}

function showCountdown() {
  const millis = retryAt === undefined ? undefined : Math.max(0, retryAt - Date.now());
  element('countdown').textContent = millis === undefined ? '' : `next try in ${(millis / 1_000).toFixed(1)} s`;
}
setInterval(showCountdown, 100);

function showCounts() {
  const { queued = 0, dropped = 0, connections = 0 } = socket?.stats() ?? {};
  element('queued').textContent = queued;
  element('connections').textContent = connections;
  element('dropped').textContent = dropped;
}

function addRow({ attempt, state, phase, code, reason, error, retryAt, dropped, unconfirmed }) {
  const what = [
    error && `${error.code}: ${error.message}`,
    reason && `“${reason}”`,
    retryAt && `next try in ${((retryAt - Date.now()) / 1_000).toFixed(1)} s`,
    dropped > 0 && `${dropped} queued messages dropped`,
    unconfirmed.length > 0 && `may not have arrived: ${unconfirmed.join(', ')}`,
  ];
  const time = new Date().toLocaleTimeString();
  const cells = [time, attempt, phase ? `${state}: ${phase}` : state, code ?? '', what.filter(Boolean).join(' · ')];
  const row = element('timeline').insertRow(0);
  row.dataset.state = state;
  for (const cell of cells) row.insertCell().textContent = cell;
  while (element('timeline').rows.length > 200) element('timeline').deleteRow(-1);
}

// Messages

/** Sends on both sockets. Resolves when the server has repeated it. */
function say(text) {
  bare.send(text);
  const sent = wraps ? JSON.stringify({ id: crypto.randomUUID(), text }) : text;
  const message = socket.send(sent);
  const item = log(message.status, sent);
  timeline.mark('messages', 'queued');
  socket.sent(message).then(
    (status) => {
      item.className = status;
      showCounts();
    },
    () => (item.className = 'dropped'),
  );
  showCounts();
  return hears((data) => data === sent).then(() => timeline.mark('messages', 'delivered'));
}

/** The next message of the socket that is so, over reconnects. */
function hears(isIt) {
  const present = socket;
  return new Promise((resolve) => {
    const onMessage = ({ data }) => {
      if (!isIt(data)) return;
      present.removeEventListener('message', onMessage);
      resolve(data);
    };
    present.addEventListener('message', onMessage);
  });
}

element('send').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = event.target.elements.text;
  element('send-error').textContent = socket ? '' : 'Connect first.';
  if (!socket) return;
  try {
    say(input.value);
    input.value = '';
  } catch (error) {
    element('send-error').textContent = `${error.message} (${error.code})`;
  }
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

const controlUrl = await (await fetch('/control')).text();
let isStopped = false;

async function control(command) {
  await fetch(controlUrl, { method: 'POST', body: JSON.stringify(command) });
  if (command.do === 'stop') isStopped = true;
  if (['start', 'restart', 'reset'].includes(command.do)) isStopped = false;
  await showArmed();
}

/** What waits or lasts, as the server says it. */
async function showArmed() {
  const chips = armed(await (await fetch(`${controlUrl}/faults`)).json(), isStopped);
  element('armed').replaceChildren(
    ...chips.map((text) => Object.assign(document.createElement('li'), { textContent: text })),
  );
  element('no-fault').hidden = chips.length > 0;
  element('clear').disabled = chips.length === 0;
}
await showArmed();

element('clear').addEventListener('click', async () => {
  await control({ do: 'clearFaults' });
  await control({ do: 'start' });
  element('fault-said').textContent = 'The server is well again.';
});

for (const { label, said, command } of faults) {
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: label });
  button.addEventListener('click', async () => {
    await control(command);
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

// Stories

const userOf = (data) => {
  try {
    return JSON.parse(data).user;
  } catch {
    return undefined;
  }
};
const WHO = '{"type":"whoami"}';
const app = {
  control,
  say,
  bare,
  url: `${sockets}/ws/anonymous/`,
  connected: () => socket.ready(),
  lost: () => new Promise((resolve) => socket.addEventListener('close', resolve, { once: true })),
  isShared: () => session === sessions.get('jwt') && chosen().name !== 'anonymous',
  userChanged: () =>
    new Promise((resolve) =>
      socket.addEventListener('statechange', ({ userChanged }) => userChanged && resolve(), { capture: true }),
    ),
  refreshes: async () => (await (await fetch(`${controlUrl}/counts`)).json()).refreshes,
  whoami: async () => {
    const heard = hears((data) => userOf(data) !== undefined);
    socket.send(WHO);
    user = userOf(await heard);
    showUser();
    return user;
  },
  bareUser: async () => {
    const heard = bare.heard();
    bare.send(WHO);
    return userOf(await heard);
  },
  crowd(fixed, ours) {
    const bars = (counts) =>
      `<span class="bars">${counts.map((count) => `<i style="height:${(count / 80) * 100}%"></i>`).join('')}</span>`;
    element('crowd').innerHTML =
      `<figure>${bars(fixed)}<figcaption>wait a second</figcaption></figure><figure>${bars(ours)}<figcaption>gatepass</figcaption></figure>`;
    element('crowd').hidden = false;
  },
};

for (const { label, what, run } of stories) {
  const item = document.createElement('li');
  const button = Object.assign(document.createElement('button'), {
    type: 'button',
    textContent: label,
    disabled: true,
  });
  button.dataset.needsSocket = '';
  button.addEventListener('click', async () => {
    const buttons = [...document.querySelectorAll('#stories button')];
    for (const each of buttons) each.disabled = true;
    element('story-said').textContent = `${label} …`;
    element('crowd').hidden = true;
    try {
      await app.connected();
      element('story-said').textContent = await run(app);
    } catch (error) {
      element('story-said').textContent = `${error.message}`;
    } finally {
      for (const each of buttons) each.disabled = false;
    }
  });
  item.append(button, Object.assign(document.createElement('span'), { className: 'help', textContent: what }));
  element('stories').append(item);
}

document.documentElement.dataset.ready = 'true';
