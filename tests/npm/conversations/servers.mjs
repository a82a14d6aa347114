// The servers' sides of the conversations: the real ones where they are npm packages, else what a conversation needs of the protocol.

import { createServer } from 'node:http';
import { initTRPC } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { Aedes } from 'aedes';
import { GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { Server as SocketIo } from 'socket.io';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** A server that is called with every socket and says how it answers a message. */
const answering = (greet, answer, protocol) => (http) => {
  const handleProtocols = () => protocol ?? false;
  const sockets = new WebSocketServer({ server: http, handleProtocols });
  sockets.on('connection', (socket) => {
    const isPlain = (value) => typeof value === 'string' || Buffer.isBuffer(value);
    const say = (value) => socket.send(isPlain(value) ? value : JSON.stringify(value));
    socket.on('error', () => {});
    greet?.(say);
    socket.on('message', (data, isBinary) => answer(String(data), say, isBinary && data));
  });
};
const json = (answer) => (text, say) => answer(JSON.parse(text), say);

const echo = answering(undefined, (text, say) => say(text));

const type = new GraphQLNonNull(GraphQLString);
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: { echo: { type, args: { text: { type } }, resolve: (_, { text }) => text } },
  }),
});

/** Phoenix, version 2 of its serializer. */
const phoenix = json(([joinRef, ref, topic, event, payload], say) => {
  const response = event === 'phx_join' ? { postgres_changes: [] } : payload;
  say([joinRef, ref, topic, 'phx_reply', { status: 'ok', response }]);
});

/** Supabase Realtime: Phoenix, and broadcasts in binary: a kind, five lengths, an encoding, five texts, the payload. */
const supabase = (text, say, bytes) => {
  if (!bytes) return phoenix(text, say);
  let offset = 7;
  const [, , topic, event] = [...bytes.subarray(1, 6)].map((length) =>
    String(bytes.subarray(offset, (offset += length))),
  );
  say([null, null, topic, 'broadcast', { type: 'broadcast', event, payload: JSON.parse(bytes.subarray(offset)) }]);
};

const END = '\u001e';
const signalr = (text, say) => {
  for (const part of text.split(END).filter(Boolean)) {
    const message = JSON.parse(part);
    if ('protocol' in message) say(`{}${END}`);
    if (message.type === 1)
      say(JSON.stringify({ type: 3, invocationId: message.invocationId, result: message.arguments[0] }) + END);
  }
};

/** STOMP 1.2: a command, headers, an empty line, a body, NUL. */
const stomp = (text, say) => {
  const [head, body = ''] = text.replace(/\0[\s\S]*$/, '').split('\n\n');
  const [command, ...lines] = head.trim().split('\n');
  const { id, destination, receipt } = Object.fromEntries(lines.map((line) => line.trim().split(/:(.*)/)));
  if (command === 'CONNECT') say('CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0');
  if (command === 'SEND') say(`MESSAGE\nsubscription:1\nmessage-id:1\ndestination:${destination}\n\n${body}\0`);
  if (receipt) say(`RECEIPT\nreceipt-id:${receipt}\n\n\0`);
  if (command === 'SUBSCRIBE' && id !== '1') throw new Error('the conversation subscribes once, as number 1');
};

/** The protocol of NATS: text in binary frames. */
const nats = (text, say) => {
  const lines = text.split('\r\n');
  for (const [place, line] of lines.entries()) {
    const [command, subject, ...rest] = line.split(' ');
    if (command === 'PING') say(Buffer.from('PONG\r\n'));
    if (command === 'PUB') say(Buffer.from(`MSG ${subject} 1 ${rest.at(-1)}\r\n${lines[place + 1]}\r\n`));
  }
};

const { procedure, router } = initTRPC.create();

/** By the name of a library: puts its server onto an HTTP server; may return what ends it. */
const SERVERS = {
  rxjs: echo,
  partysocket: echo,
  'reconnecting-websocket': echo,
  'graphql-ws': (http) => {
    const { dispose } = useServer({ schema }, new WebSocketServer({ server: http }));
    return dispose;
  },
  'home-assistant-js-websocket': answering(
    (say) => say({ type: 'auth_required', ha_version: '2026.11.0' }),
    json(({ id, type, text }, say) => {
      if (type === 'auth') say({ type: 'auth_ok', ha_version: '2026.11.0' });
      else say({ id, type: 'result', success: true, result: text });
    }),
  ),
  '@stomp/stompjs': answering(undefined, stomp, 'v12.stomp'),
  'socket.io-client': (http) => {
    const io = new SocketIo(http, { transports: ['websocket'], serveClient: false });
    io.on('connection', (socket) => socket.on('echo', (text, answer) => answer(text)));
    return () => io.close();
  },
  centrifuge: answering(undefined, (text, say) => {
    for (const line of text.split('\n').filter(Boolean)) {
      const { id, connect, rpc } = JSON.parse(line);
      if (connect) say({ id, connect: { client: 'one', version: '6', ping: 25, pong: true } });
      if (rpc) say({ id, rpc: { data: rpc.data } });
    }
  }),
  phoenix: answering(undefined, phoenix),
  '@supabase/realtime-js': answering(undefined, supabase),
  '@microsoft/signalr': answering(undefined, signalr),
  'pusher-js': answering(
    (say) =>
      say({
        event: 'pusher:connection_established',
        data: JSON.stringify({ socket_id: '1.1', activity_timeout: 120 }),
      }),
    json(({ event, channel, data }, say) => {
      if (event === 'pusher:subscribe')
        say({ event: 'pusher_internal:subscription_succeeded', channel: data.channel, data: '{}' });
      if (event === 'client-echo') say({ event, channel, data });
    }),
  ),
  mqtt: async (http) => {
    const broker = await Aedes.createBroker();
    const sockets = new WebSocketServer({ server: http, handleProtocols: () => 'mqtt' });
    sockets.on('connection', (socket, request) => {
      const stream = createWebSocketStream(socket);
      stream.on('error', () => {});
      broker.handle(stream, request);
    });
    return () => new Promise((resolve) => broker.close(resolve));
  },
  '@nats-io/nats-core': answering(
    (say) =>
      say(
        Buffer.from('INFO {"server_id":"one","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576}\r\n'),
      ),
    nats,
  ),
  '@rails/actioncable': answering(
    (say) => say({ type: 'welcome' }),
    json(({ command, identifier, data }, say) => {
      if (command === 'subscribe') say({ type: 'confirm_subscription', identifier });
      if (command === 'message') say({ identifier, message: JSON.parse(data) });
    }),
    'actioncable-v1-json',
  ),
  '@trpc/client': (http) => {
    const appRouter = router({ echo: procedure.input((text) => String(text)).query(({ input }) => input) });
    applyWSSHandler({ wss: new WebSocketServer({ server: http }), router: appRouter });
  },
};

export const LIBRARIES = Object.keys(SERVERS);

/** Starts the server of a library. */
export async function serve(library) {
  const http = createServer();
  const end = await SERVERS[library](http);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    port: http.address().port,
    close: async () => {
      await end?.();
      http.close();
      http.closeAllConnections();
    },
  };
}
