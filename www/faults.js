// The buttons that break the server: what they say and what the control API is told.

export const faults = [
  { label: 'Drop every socket', said: 'Every connection was reset.', command: { do: 'dropSockets', how: 'reset' } },
  {
    label: 'Close 4401',
    said: 'Every socket was closed with 4401: unauthorized.',
    command: { do: 'dropSockets', how: { close: { code: 4401, reason: 'token expired' } } },
  },
  {
    label: 'Close 1013',
    said: 'Every socket was closed with 1013: try again later.',
    command: { do: 'dropSockets', how: { close: { code: 1013, reason: 'try again later' } } },
  },
  {
    label: 'Close 1012 with a hint',
    said: 'Every socket was closed with 1012 and {"retry_after": 2, "spread": 10}: reconnect within 2 to 12 seconds.',
    command: { do: 'dropSockets', how: { close: { code: 1012, reason: '{"retry_after":2,"spread":10}' } } },
  },
  {
    label: 'Never come back',
    said: 'Every socket was closed with 1012 and {"reconnect": false}: do not come back.',
    command: { do: 'dropSockets', how: { close: { code: 1012, reason: '{"reconnect":false}' } } },
  },
  {
    label: 'Expire all tokens',
    said: 'All access tokens that were issued so far have expired. It shows at the next connection.',
    command: { do: 'expireTokens' },
  },
  {
    label: 'Refuse 5 handshakes',
    said: 'The next 5 handshakes are answered 403.',
    command: { do: 'refuseHandshakes', times: 5, status: 403 },
  },
  {
    label: 'Tickets: 429 once',
    said: 'The next ticket request is answered 429 with Retry-After: 5.',
    command: { do: 'answer', endpoint: 'ticket', status: 429, retryAfter: '5' },
  },
  {
    label: 'Slow tickets',
    said: 'Tickets take 3 seconds from now on.',
    command: { do: 'delay', endpoint: 'ticket', ms: 3000 },
  },
  {
    label: 'Go silent',
    said: 'The server sends nothing more, and keeps its sockets open.',
    command: { do: 'silence', on: true },
  },
  { label: 'Speak again', said: 'The server answers again.', command: { do: 'silence', on: false } },
  { label: 'Stop', said: 'The server is down: connections are refused.', command: { do: 'stop' } },
  { label: 'Start', said: 'The server is up.', command: { do: 'start' } },
  { label: 'Restart', said: 'The server was restarted.', command: { do: 'restart' } },
  {
    label: 'Say something to all',
    said: 'A message was sent to every accepted socket.',
    command: { do: 'push', text: 'news from the server' },
  },
];

const STATUS = (statuses) => `${statuses.length} × ${statuses[0]}`;

/** What waits for somebody, or lasts, as chips say it. */
export function armed({ refuseHandshakes, answers = {}, delays = {}, silence }, isStopped) {
  return [
    isStopped && 'the server is down',
    silence && 'the server is silent',
    refuseHandshakes && `the next handshakes: ${STATUS(refuseHandshakes)}`,
    ...Object.entries(answers).map(([of, statuses]) => `the next answers of ${of}: ${STATUS(statuses)}`),
    ...Object.entries(delays).map(([of, millis]) => `${of} takes ${millis / 1_000} s`),
  ].filter(Boolean);
}
