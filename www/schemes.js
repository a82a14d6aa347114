// The ways in: what an app writes for each, and where the mock server has it.

import { anonymous, cookie, firstMessage, presets, query, sessionKey, ticket } from 'gatepass';

const server = location.origin;

/** `options` are those of the socket, as they stand in the code that is shown. `session`: a preset, if it is not that of simplejwt. */
export const SCHEMES = {
  ticket: {
    label: 'Ticket in the URL',
    help: 'A single-use ticket is fetched for each attempt, then /channel/?ticket=…',
    path: '/channel/',
    options: () => presets.ticketServerSocket(server),
  },
  key: {
    label: 'Session key',
    help: 'Like a ticket, but good for several attempts until it expires, here after two minutes.',
    path: '/ws/session/',
    options: () => ({ scheme: sessionKey({ url: `${server}/ws_session_key` }) }),
  },
  first: {
    label: 'First message',
    help: 'The socket opens, then {"token": …} is sent. The server does not answer a valid token, and closes for an invalid one.',
    path: '/ws/first/',
    options: () => ({ scheme: firstMessage({ message: { token: '$token' } }) }),
  },
  ack: {
    label: 'First message with an answer',
    help: 'As above, but the server answers {"type": "auth_ok"} or {"type": "auth_invalid"}.',
    path: '/ws/ack/',
    options: () => ({
      scheme: firstMessage({
        message: { token: '$token' },
        ack: { type: 'auth_ok' },
        reject: { type: 'auth_invalid' },
      }),
    }),
  },
  hello: {
    label: 'Hello, then first message',
    help: 'The server sends {"type": "auth_required"} first, as Home Assistant does.',
    path: '/ws/hello/',
    options: () => ({
      scheme: firstMessage({
        message: { type: 'auth', access_token: '$token' },
        hello: { type: 'auth_required' },
        ack: { type: 'auth_ok' },
        reject: { type: 'auth_invalid' },
      }),
    }),
  },
  subprotocol: {
    label: 'Ticket among the subprotocols',
    help: 'The handshake offers circle-match.v1 and ticket.…; the server chooses the first.',
    path: '/ws/ticket-protocol/',
    options: () => ({
      protocols: 'circle-match.v1',
      scheme: ticket({ url: `${server}/ws_ticket`, subprotocol: { prefix: 'ticket.' } }),
    }),
  },
  cookie: {
    label: 'Cookie',
    help: 'The login sets an HttpOnly cookie, which the browser sends with the handshake.',
    path: '/ws/cookie/',
    session: () => presets.drfJwt(`${server}/drf-jwt`),
    options: () => ({ scheme: cookie() }),
  },
  query: {
    label: 'Token in the URL',
    help: 'The token itself is in the URL, where server logs keep it. For servers that support nothing else.',
    path: '/ws/jwt/',
    options: () => ({ scheme: query() }),
  },
  anonymous: {
    label: 'No credential',
    help: 'Anybody may connect.',
    path: '/ws/anonymous/',
    options: () => ({ scheme: anonymous() }),
  },
};

/** What the session of a way is made of. */
export const sessionOf = (name) => (SCHEMES[name].session ?? (() => presets.simpleJwt(`${server}/api`)))();

/** A function of no arguments as the code that it returns, with the address of the server in it. */
const shown = (make) =>
  String(make)
    .replace(/^\(\) =>\s*/, '')
    .replace(/^\(([\s\S]*)\)$/, '$1')
    .replace(/`\$\{server\}([^`]*)`/g, `'${server}$1'`)
    .replace('(server)', `('${server}')`)
    .replaceAll('\n  ', '\n');

/** The code of an app that does what is chosen. */
export function codeOf(name, { beats, confirms }) {
  const { path, options, session = () => presets.simpleJwt(`${server}/api`) } = SCHEMES[name];
  const text = shown(options);
  const names = ['anonymous', 'cookie', 'firstMessage', 'query', 'sessionKey', 'ticket'].filter((word) =>
    new RegExp(`(?<![.\\w])${word}\\(`).test(text),
  );
  const own = text.startsWith('{') ? text.replace(/^\{\s*|,?\s*\}$/g, '') : `...${text}`;
  const more = [
    own,
    beats &&
      "// This server repeats what it is told: its pong is the ping.\n  heartbeat: { message: { type: 'ping' }, pong: { type: 'ping' }, interval: 3_000, timeout: 2_000 }",
    confirms && "confirm: { id: 'id', ack: { id: '$id' } }",
  ].filter(Boolean);
  const hasUser = name !== 'anonymous';
  const imported = [...(hasUser ? ['presets', 'Session'] : []), ...names].sort((a, b) => a.localeCompare(b));
  const signIn = `const session = new Session({ ...${shown(session)}, store: 'localStorage' });
if (!session.snapshot.isSignedIn) await session.login({ username: 'maggie', password: 'secret' });

`;
  return `import { AuthSocket, ${imported.join(', ')} } from 'gatepass';

${hasUser ? signIn : ''}const socket = new AuthSocket('${server.replace('http', 'ws')}${path}', {
  ${[...(hasUser ? ['session'] : []), ...more].join(',\n  ')},
});
socket.addEventListener('message', ({ data }) => console.log(data));
socket.subscribe(({ state, error }) => console.log(state, error?.code));`;
}
