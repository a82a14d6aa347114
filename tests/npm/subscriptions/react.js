import 'gatepass/inline';
import { createElement as h, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { presets, Session } from 'gatepass';
import { json } from 'gatepass/conversation';
import { GatepassProvider, useAuthSocket, useSubscription } from 'gatepass/react';

function Room({ id, socket, room, roomOf }) {
  const [message, options] = room ? roomOf(room) : [undefined, { match: {} }];
  const { data, isReady, error } = useSubscription(socket, message, {
    ...options,
    onMessage: ({ text }) => heard.push(`${id} ${text}`),
  });
  return h('p', { id }, [room, isReady ? 'ready' : 'waits', data?.text, error?.code].join(' '));
}

function App({ server, roomOf, ASK }) {
  const [{ one, two }, setRooms] = useState({ one: 'a', two: 'a' });
  const { socket, request } = useAuthSocket(`${server}/ws/rooms/`, {
    ...presets.ticketServerSocket(server),
    codec: json(),
    requests: ASK,
  });
  Object.assign(globalThis, { setRooms, request });
  return h(
    'main',
    null,
    h(Room, { id: 'one', socket, room: one, roomOf }),
    two && h(Room, { id: 'two', socket, room: two, roomOf }),
  );
}

export function start(options) {
  const root = createRoot(document.body.appendChild(document.createElement('div')));
  root.render(h(StrictMode, null, h(GatepassProvider, { session: options.session }, h(App, options))));
  return () => root.unmount();
}
export { presets, Session };
