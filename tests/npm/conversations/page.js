// The pages' sides of the conversations. Each library reconnects by itself, soon, and uses `globalThis.WebSocket`.
//
// A conversation tells `up()` whenever it can be talked to, and `note()` what the library says of its socket. It returns `ask`, which resolves
// with the server's answer, and `stop`.

/** For sockets that echo. */
const asking = (socket) => (text) =>
  new Promise((resolve) => {
    const heard = ({ data }) => {
      if (data !== text) return;
      socket.removeEventListener('message', heard);
      resolve(data);
    };
    socket.addEventListener('message', heard);
    socket.send(text);
  });

/** For libraries that deliver by callbacks: `heard` is called with every text, and `ask` waits for one that it has sent. */
const answering = (send) => {
  const waiting = new Map();
  return {
    heard: (text) => waiting.get(text)?.(text),
    ask: (text) =>
      new Promise((resolve) => {
        waiting.set(text, resolve);
        send(text);
      }),
  };
};

const noting = (socket, { up, note }) => {
  socket.addEventListener('open', up);
  socket.addEventListener('error', () => note('error'));
  socket.addEventListener('close', ({ code, wasClean }) => note('close', code, wasClean));
};

export const conversations = {
  async rxjs({ url, up, note }) {
    const { repeat, retry } = await import('rxjs');
    const { webSocket } = await import('rxjs/webSocket');
    const subject = webSocket({
      url,
      openObserver: { next: up },
      closeObserver: { next: ({ code, wasClean }) => note('close', code, wasClean) },
    });
    const { ask, heard } = answering((text) => subject.next(text));
    const delay = 20;
    const subscription = subject.pipe(retry({ delay }), repeat({ delay })).subscribe(heard);
    return { ask, stop: () => subscription.unsubscribe() };
  },

  async partysocket({ url, ...tell }) {
    const { WebSocket: PartySocket } = await import('partysocket');
    const socket = new PartySocket(url, [], { minReconnectionDelay: 10, maxReconnectionDelay: 20 });
    noting(socket, tell);
    return { ask: asking(socket), stop: () => socket.close() };
  },

  async 'reconnecting-websocket'({ url, ...tell }) {
    const { default: ReconnectingWebSocket } = await import('reconnecting-websocket');
    const socket = new ReconnectingWebSocket(url, [], { minReconnectionDelay: 10, maxReconnectionDelay: 20 });
    noting(socket, tell);
    return { ask: asking(socket), stop: () => socket.close() };
  },

  async 'graphql-ws'({ url, up, note }) {
    const { createClient } = await import('graphql-ws');
    const client = createClient({
      url,
      lazy: false,
      shouldRetry: () => true,
      retryAttempts: 100,
      retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
      onNonLazyError: (error) => note('fatal', error.code ?? error.type),
    });
    client.on('connected', up);
    client.on('error', () => note('error'));
    client.on('closed', ({ code, wasClean }) => note('close', code, wasClean));
    return {
      ask: async (text) => {
        const query = 'query ($text: String!) { echo(text: $text) }';
        for await (const { data } of client.iterate({ query, variables: { text } })) return data.echo;
      },
      stop: () => client.dispose(),
    };
  },

  async 'home-assistant-js-websocket'({ url, up, note }) {
    const { createConnection, createLongLivedTokenAuth } = await import('home-assistant-js-websocket');
    const auth = createLongLivedTokenAuth(url.replace('ws', 'http'), 'token');
    const connection = await createConnection({ auth, setupRetry: 9 });
    connection.addEventListener('ready', up);
    connection.addEventListener('disconnected', () => note('disconnected'));
    up();
    return {
      ask: (text) => connection.sendMessagePromise({ type: 'echo', text }),
      stop: () => connection.close(),
    };
  },

  async '@stomp/stompjs'({ url, up, note }) {
    const { Client } = await import('@stomp/stompjs');
    const { ask, heard } = answering((body) => client.publish({ destination: '/echo', body }));
    const client = new Client({
      brokerURL: url,
      reconnectDelay: 20,
      onConnect: () => {
        client.subscribe('/echo', ({ body }) => heard(body), { id: '1' });
        up();
      },
      onWebSocketClose: ({ code, wasClean }) => note('close', code, wasClean),
      onWebSocketError: () => note('error'),
    });
    client.activate();
    return { ask, stop: () => client.deactivate() };
  },

  async 'socket.io-client'({ url, up, note }) {
    const { io } = await import('socket.io-client');
    const socket = io(url, {
      transports: ['websocket'],
      reconnectionDelay: 20,
      reconnectionDelayMax: 20,
      randomizationFactor: 0,
    });
    socket.on('connect', up);
    socket.on('disconnect', (reason, details) => note('disconnect', reason, details?.description));
    socket.on('connect_error', ({ message }) => note('connect_error', message));
    socket.io.on('reconnect', (attempt) => note('reconnect', attempt));
    return { ask: (text) => socket.emitWithAck('echo', text), stop: () => socket.close() };
  },

  async centrifuge({ url, up, note }) {
    const { Centrifuge } = await import('centrifuge');
    const client = new Centrifuge(url, { minReconnectDelay: 10, maxReconnectDelay: 20 });
    client.on('connected', up);
    client.on('connecting', ({ code, reason }) => note('connecting', code, reason));
    client.on('disconnected', ({ code, reason }) => note('disconnected', code, reason));
    client.on('error', ({ type, error }) => note('error', type, error.code));
    client.connect();
    return { ask: async (text) => (await client.rpc('echo', text)).data, stop: () => client.disconnect() };
  },

  async phoenix({ url, up, note }) {
    const { Socket } = await import('phoenix');
    const delay = () => 20;
    const socket = new Socket(url, { reconnectAfterMs: delay, rejoinAfterMs: delay, sessionStorage: undefined });
    socket.onClose(({ code, wasClean }) => note('close', code, wasClean));
    socket.onError(() => note('error'));
    socket.connect();
    const channel = socket.channel('room:echo');
    channel.join();
    // It joins again after every loss.
    socket.onMessage(({ event, ref, payload }) => {
      if (event === 'phx_reply' && ref === channel.joinRef() && payload.status === 'ok') queueMicrotask(up);
    });
    return {
      ask: (text) =>
        new Promise((resolve) => channel.push('echo', { text }).receive('ok', ({ text }) => resolve(text))),
      stop: () => new Promise((resolve) => socket.disconnect(resolve)),
    };
  },

  async '@supabase/realtime-js'({ url, up, note }) {
    const { RealtimeClient } = await import('@supabase/realtime-js');
    const client = new RealtimeClient(url, { params: { apikey: 'key' }, reconnectAfterMs: () => 20 });
    const channel = client.channel('echo', { config: { broadcast: { self: true } } });
    const { ask, heard } = answering((text) => channel.send({ type: 'broadcast', event: 'echo', payload: { text } }));
    channel.on('broadcast', { event: 'echo' }, ({ payload }) => heard(payload.text));
    channel.subscribe((status, error) => {
      note(status, error !== undefined);
      if (status === 'SUBSCRIBED') up();
    });
    return { ask, stop: () => client.disconnect() };
  },

  async '@microsoft/signalr'({ url, up, note }) {
    const { HttpTransportType, HubConnectionBuilder, LogLevel } = await import('@microsoft/signalr');
    const connection = new HubConnectionBuilder()
      .withUrl(url.replace('ws', 'http'), { skipNegotiation: true, transport: HttpTransportType.WebSockets })
      .withAutomaticReconnect({ nextRetryDelayInMilliseconds: () => 20 })
      .configureLogging(LogLevel.None)
      .build();
    connection.onreconnecting((error) => note('reconnecting', String(error)));
    connection.onreconnected(up);
    connection.onclose((error) => note('close', String(error)));
    await connection.start();
    up();
    return { ask: (text) => connection.invoke('echo', text), stop: () => connection.stop() };
  },

  async 'pusher-js'({ url, up, note }) {
    const { default: Pusher } = await import('pusher-js');
    const { hostname, port } = new URL(url);
    const pusher = new Pusher('key', {
      cluster: '',
      wsHost: hostname,
      wsPort: Number(port),
      forceTLS: false,
      enabledTransports: ['ws'],
      disableStats: true,
    });
    pusher.connection.bind('state_change', ({ current }) => note(current));
    const channel = pusher.subscribe('echo');
    channel.bind('pusher:subscription_succeeded', up);
    const { ask, heard } = answering((text) => pusher.send_event('client-echo', { text }, 'echo'));
    channel.bind('client-echo', ({ text }) => heard(text));
    return { ask, stop: () => pusher.disconnect() };
  },

  async mqtt({ url, up, note }) {
    const { default: mqtt } = await import('mqtt');
    const client = mqtt.connect(url, { reconnectPeriod: 20, clientId: 'one' });
    const { ask, heard } = answering((text) => client.publish('echo', text));
    client.on('connect', async () => {
      await client.subscribeAsync('echo');
      up();
    });
    client.on('message', (_topic, payload) => heard(String(payload)));
    client.on('close', () => note('close'));
    client.on('error', ({ code }) => note('error', code));
    return { ask, stop: () => client.endAsync() };
  },

  async '@nats-io/nats-core'({ url, up, note }) {
    const { wsconnect } = (await import('@nats-io/nats-core')).default;
    const connection = await wsconnect({
      servers: url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
      reconnectJitter: 0,
    });
    const { ask, heard } = answering((text) => connection.publish('echo', text));
    connection.subscribe('echo', { callback: (_error, message) => heard(message.string()) });
    const watch = async () => {
      for await (const { type } of connection.status()) {
        note(type);
        if (type === 'reconnect') up();
      }
    };
    watch();
    up();
    return { ask, stop: () => connection.close() };
  },

  async '@rails/actioncable'({ url, up, note }) {
    const { ConnectionMonitor, createConsumer } = await import('@rails/actioncable');
    // It dials again only after this time without a ping, in seconds.
    ConnectionMonitor.staleThreshold = 0.5;
    const consumer = createConsumer(url);
    const { ask, heard } = answering((text) => subscription.send({ text }));
    const subscription = consumer.subscriptions.create('Echo', {
      connected: up,
      disconnected: ({ willAttemptReconnect }) => note('disconnected', willAttemptReconnect),
      received: ({ text }) => heard(text),
    });
    return { ask, stop: () => consumer.disconnect() };
  },

  async '@trpc/client'({ url, up, note }) {
    const { createTRPCClient, createWSClient, wsLink } = await import('@trpc/client');
    const client = createWSClient({
      url,
      retryDelayMs: () => 20,
      onOpen: up,
      onError: () => note('error'),
      onClose: (cause) => note('close', cause?.code),
    });
    const trpc = createTRPCClient({ links: [wsLink({ client })] });
    return { ask: (text) => trpc.echo.query(text), stop: () => client.close() };
  },
};
