import 'gatepass/inline';
import { createApp, h, shallowRef } from 'vue';
import { presets, Session } from 'gatepass';
import { json } from 'gatepass/conversation';
import { gatepass, useAuthSocket, useSubscription } from 'gatepass/vue';

export function start({ server, session, roomOf, ASK }) {
  const Room = {
    props: ['id', 'socket', 'room'],
    setup(props) {
      const { data, isReady, error } = useSubscription(
        () => props.socket,
        () => props.room && roomOf(props.room)[0],
        () => ({ ...roomOf(props.room)[1], onMessage: ({ text }) => heard.push(`${props.id} ${text}`) }),
      );
      return () =>
        h(
          'p',
          { id: props.id },
          [props.room, isReady.value ? 'ready' : 'waits', data.value?.text, error.value?.code].join(' '),
        );
    },
  };
  const App = {
    setup() {
      const rooms = shallowRef({ one: 'a', two: 'a' });
      const { socket, request } = useAuthSocket(`${server}/ws/rooms/`, {
        ...presets.ticketServerSocket(server),
        codec: json(),
        requests: ASK,
      });
      Object.assign(globalThis, { setRooms: (next) => (rooms.value = next), request });
      return () => [
        h(Room, { id: 'one', socket: socket.value, room: rooms.value.one }),
        rooms.value.two && h(Room, { id: 'two', socket: socket.value, room: rooms.value.two }),
      ];
    },
  };
  const app = createApp(App).use(gatepass(session));
  app.mount(document.body.appendChild(document.createElement('div')));
  return () => app.unmount();
}
export { presets, Session };
