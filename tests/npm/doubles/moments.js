// The same moments for a real socket and for a double: an app's listeners have to see the same. Runs in Node, beside the installed package.
// The world plays the server: a real one, or the test's side of the doubles.

export async function moments({ anonymous, AuthSocket, query, Session }, world) {
  const told = {};
  const watch = (name, session, socket) => {
    const log = (told[name] = []);
    session?.addEventListener('change', ({ state, error }) => log.push(['change', state, error?.code]));
    socket.addEventListener('statechange', (event) => {
      const { state, previous, phase, suspendedFor, code, reason, error, dropped, unconfirmed, userChanged } = event;
      log.push(['statechange', previous, state, phase, suspendedFor, code, reason, dropped, unconfirmed, userChanged]);
      log.push([typeof event.retryAt, error?.code, error?.disposition, error?.closeCode]);
    });
    for (const type of ['open', 'message', 'error', 'close'])
      socket.addEventListener(type, ({ data, error, code, reason, wasClean }) =>
        log.push([type, data, error?.code, code, reason, wasClean, socket.readyState]),
      );
    return log;
  };
  const until = (target, type, holds) =>
    new Promise((resolve) => {
      const settle = () => {
        if (!holds()) return;
        target.removeEventListener(type, settle);
        // The other events of this moment come first.
        setTimeout(resolve);
      };
      target.addEventListener(type, settle);
      settle();
    });
  const state = (socket, ...states) => until(socket, 'statechange', () => states.includes(socket.state));
  const options = { webSocket: world.webSocket, backoff: { base: 20, spread: 0 } };

  {
    const socket = new AuthSocket(world.url, { ...options, scheme: anonymous() });
    const log = watch('a socket without a user', undefined, socket);
    const early = socket.send('early');
    await world.accept(socket);
    log.push([early.status, socket.send('hello').status, await socket.sent(early)]);
    await world.say(socket, 'good morning');
    for (const [code, reason] of [
      [1006, ''],
      [1001, 'bye'],
      [4400, 'no'],
    ]) {
      // In the moment of the loss: the next try may come first on a busy machine.
      const lost = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
      const away = lost.then(() => socket.state === 'waiting' && log.push([socket.send('while away').status]));
      await world.end(socket, code, reason);
      if (!(await away)) break;
      await world.accept(socket);
    }
    socket.reconnect();
    await world.accept(socket);
    socket.reconnect();
    await state(socket, 'waiting', 'connecting');
    await world.accept(socket);
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
    socket.close();
    await closed;
    try {
      socket.send('too late');
    } catch ({ code }) {
      log.push([code]);
    }
    const { attempts, connections, sent, received, dropped } = socket.stats();
    log.push([attempts, connections, sent, received, dropped]);
  }
  {
    const session = new Session({ login: { url: 'https://api.example.com/login' }, fetch: world.fetch });
    const socket = new AuthSocket(world.url, { ...options, session, scheme: query() });
    const log = watch('a socket of a session', session, socket);
    log.push([await session.accessToken().catch(({ code }) => code), await socket.ready().catch(({ code }) => code)]);
    await world.signIn(session, 'maggie');
    await world.accept(socket);
    await world.signIn(session, 'bob');
    await world.accept(socket);
    log.push([await session.accessToken(), session.state]);
    const kept = socket.send('of bob');
    session.logout();
    await state(socket, 'suspended');
    log.push([kept.status, session.state, await session.accessToken().catch(({ code }) => code)]);
    log.push([(await world.signIn(session, 'nobody').catch((error) => error))?.code]);
    await world.signIn(session, 'maggie');
    await world.accept(socket);
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
    socket.close(4000, 'enough');
    await closed;
  }
  {
    const socket = new AuthSocket(world.url, { ...options, scheme: anonymous(), reconnect: false });
    watch('a socket that does not reconnect', undefined, socket);
    await world.accept(socket);
    await world.end(socket, 1006, '');
    await state(socket, 'closed');
  }
  {
    const socket = new AuthSocket(() => world.url, {
      ...options,
      scheme: anonymous(),
      onConnected: (send, { attempt, reason }) => send(`${attempt} ${reason}`),
    });
    const log = watch('a socket with functions', undefined, socket);
    socket.send('later');
    await world.accept(socket);
    log.push([await world.received(socket, 2)]);
    socket.close();
  }
  {
    const session = new Session({ login: { url: 'https://api.example.com/login' }, fetch: world.fetch });
    const given = { ...options, session, scheme: query(), whenSignedOut: 'connect' };
    const socket = new AuthSocket(world.url, given);
    watch('a visitor who signs in and out', session, socket);
    await world.accept(socket);
    await world.signIn(session, 'maggie');
    await world.accept(socket);
    session.logout();
    await world.accept(socket);
    socket.close();
  }
  {
    const given = { ...options, scheme: anonymous(), closeCodes: { 4000: 'giveUp' } };
    const socket = new AuthSocket(world.url, given);
    watch('a close code of the app', undefined, socket);
    await world.accept(socket);
    await world.end(socket, 4000, 'mine');
    await state(socket, 'closed', 'waiting');
  }
  {
    const socket = new AuthSocket(world.url, {
      ...options,
      scheme: anonymous(),
      confirm: { id: 'id', ack: { ack: '$id' } },
    });
    const log = watch('messages that are confirmed', undefined, socket);
    await world.accept(socket);
    const messages = ['{"id":1}', 'without'].map((text) => socket.send(text));
    log.push(
      messages.map(({ status }) => status),
      socket.stats().unacknowledged,
    );
    await world.end(socket, 1006, '');
    await state(socket, 'waiting');
    await world.accept(socket);
    log.push(
      messages.map(({ status }) => status),
      await world.received(socket, 1),
    );
    socket.close();
  }
  {
    let heard;
    const answer = new Promise((resolve) => (heard = resolve));
    const socket = new AuthSocket(world.url, { ...options, scheme: anonymous(), onConnected: () => answer });
    socket.addEventListener('message', heard);
    watch('an onConnected that waits for an answer', undefined, socket);
    const accepted = world.accept(socket);
    await world.sayFirst(socket, 'welcome');
    await accepted;
    socket.close();
  }
  {
    const socket = new AuthSocket(world.url, { ...options, scheme: anonymous() });
    const log = watch('a socket whose listeners act', undefined, socket);
    const once = (type, act) => socket.addEventListener(type, act, { once: true });
    once('open', () => {
      log.push([socket.send('hello').status]);
      socket.close();
      log.push([socket.state]);
    });
    const closed = new Promise((resolve) => once('close', resolve));
    await world.accept(socket, 'close');
    await closed;
    once('statechange', () => socket.send('of a listener'));
    socket.reconnect();
    await world.accept(socket);
    once('message', () => socket.close(4000, 'enough'));
    const ended = new Promise((resolve) => once('close', resolve));
    await world.say(socket, 'good night');
    await ended;
  }
  return told;
}
