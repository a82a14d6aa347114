// Messages: queued, in flight when the connection was lost, and acknowledged by the server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, control, server } from './browser.mjs';
import { inProfile, open, until } from './profile.mjs';

/** Runs with a tab that has an anonymous socket, as `socket`, which waits a moment between tries; connected or not yet started. */
const withSocket = (options, run, settings = {}) =>
  inProfile(async (context) => {
    await control({ do: 'reset' });
    await control({ do: 'setSettings', settings });
    const tab = await open(context);
    await tab.evaluate(
      async ([server, options]) => {
        const { anonymous, AuthSocket, load } = await import('gatepass');
        await load();
        globalThis.make = () => {
          globalThis.changes = [];
          globalThis.heard = [];
          globalThis.socket = new AuthSocket(`${server}/ws/anonymous/`, {
            scheme: anonymous(),
            backoff: { base: 20, spread: 20 },
            ...options,
          });
          socket.addEventListener('statechange', (change) => changes.push(change));
          socket.addEventListener('message', ({ data }) => heard.push(data));
          return socket;
        };
        make();
        await socket.ready();
        changes.length = 0;
      },
      [server, options],
    );
    await run(tab);
  });

const lose = () => control({ do: 'dropSockets', how: 'reset' });
const texts = async () => (await ask('received')).filter(({ text }) => text !== undefined).map(({ text }) => text);

test('a message that waits says so, is sent in order, and can be waited for', async () => {
  await withSocket({}, async (tab) => {
    const result = await tab.evaluate(async () => {
      const now = socket.send('now').status;
      const later = make();
      const messages = ['a', 'b'].map((text) => later.send(text));
      const before = messages.map(({ status }) => status);
      const told = await Promise.all(messages.map((message) => later.sent(message)));
      await later.drained();
      return {
        now,
        before,
        told,
        after: messages.map(({ status }) => status),
        queued: later.stats().queued,
        buffered: later.bufferedAmount,
      };
    });
    assert.deepEqual(result, {
      now: 'sent',
      before: ['queued', 'queued'],
      told: ['sent', 'sent'],
      after: ['sent', 'sent'],
      queued: 0,
      buffered: 0,
    });
  });
});

test('a message is dropped when its time is over, or there is no room, and says so', async () => {
  await control({ do: 'reset' });
  const options = { outbox: { maxMessages: 2, policy: 'drop-oldest' } };
  await withSocket(options, async (tab) => {
    await control({ do: 'stop' });
    await until(tab, () => socket.state === 'waiting');
    const first = await tab.evaluate(async () => {
      globalThis.messages = ['1', '2', '3'].map((text) => socket.send(text));
      const brief = socket.send('brief', { ttl: 10 });
      return [
        await socket.sent(messages[0]),
        await socket.sent(messages[1]),
        await socket.sent(brief),
        socket.stats().dropped,
      ];
    });
    assert.deepEqual(first, ['dropped', 'dropped', 'dropped', 3]);
    await control({ do: 'start' });
    assert.equal(await tab.evaluate(() => socket.sent(messages[2])), 'sent');
    await until(tab, () => heard.length === 1);
    assert.deepEqual(await tab.evaluate(() => heard), ['3']);
  });
});

test('what was under way when the connection was lost is told, and not sent again', async () => {
  await withSocket({}, async (tab) => {
    await tab.evaluate(() => socket.send('long ago'));
    await until(tab, () => heard.length === 1);
    await tab.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + 6_000;
      // The server's message comes long after the first message, and right after this one.
      socket.send('crossed');
    });
    await until(tab, () => heard.length === 2);
    await control({ do: 'silence', on: true });
    await tab.evaluate(() => {
      const bytes = new Uint8Array([1, 2, 3]);
      socket.send('a');
      socket.send(bytes.subarray(1));
      bytes.fill(9);
    });
    await lose();
    await until(tab, () => changes.length > 0);
    await control({ do: 'silence', on: false });
    await until(tab, () => socket.state === 'connected');
    await tab.evaluate(() => socket.send('next'));
    await until(tab, () => heard.length === 3);
    const { unconfirmed, others } = await tab.evaluate(() => ({
      unconfirmed: changes[0].unconfirmed.map((data) => (typeof data === 'string' ? data : [...new Uint8Array(data)])),
      others: changes.slice(1).flatMap(({ unconfirmed }) => unconfirmed),
    }));
    assert.deepEqual(
      [unconfirmed, others, await tab.evaluate(() => heard)],
      [['crossed', 'a', [2, 3]], [], ['long ago', 'crossed', 'next']],
    );
  });
});

test('what the server has not confirmed is sent again until it has', async () => {
  // This server echoes: the echo is the acknowledgement.
  await withSocket({ confirm: { id: 'id', ack: { id: '$id' } } }, async (tab) => {
    const first = await tab.evaluate(async () => {
      const message = socket.send('{"id":1}');
      return [message.status, await socket.sent(message)];
    });
    assert.deepEqual(first, ['sent', 'confirmed']);
    await control({ do: 'silence', on: true });
    await tab.evaluate(() => {
      globalThis.messages = ['{"id":"two"}', 'no id', '{"id":3}'].map((text) => socket.send(text));
    });
    await lose();
    await until(tab, () => changes.length > 0);
    await control({ do: 'silence', on: false });
    assert.deepEqual(
      await tab.evaluate(async () => [
        await Promise.all(messages.map((message) => socket.sent(message))),
        changes[0].unconfirmed,
      ]),
      [['confirmed', 'sent', 'confirmed'], ['no id']],
    );
    assert.deepEqual(await tab.evaluate(() => heard), ['{"id":1}', '{"id":"two"}', '{"id":3}']);
    assert.deepEqual(await texts(), ['{"id":1}', '{"id":"two"}', '{"id":3}']);
  });
});

test('a message that waited and is to be confirmed is sent, counted, and then confirmed', async () => {
  await withSocket({ confirm: { id: 'id', ack: ['$id'] }, outbox: { maxMessages: 1 } }, async (tab) => {
    const statuses = await tab.evaluate(async () => {
      const later = make();
      const message = later.send('{"id":7}');
      const before = message.status;
      await later.ready();
      const { queued, unacknowledged } = later.stats();
      let code;
      try {
        later.send('{"id":8}');
      } catch (error) {
        code = error.code;
      }
      return [before, message.status, queued, unacknowledged, code];
    });
    assert.deepEqual(statuses, ['queued', 'sent', 0, 1, 'QUEUE_FULL']);
    await control({ do: 'push', text: '[7]' });
    await until(tab, () => socket.stats().unacknowledged === 0);
  });
});

test('before the wasm is there the outbox has its limits, and nothing is lost or late', async () => {
  await inProfile(async (context) => {
    await control({ do: 'reset' });
    let go;
    const held = new Promise((resolve) => (go = resolve));
    await context.route('**/core_bg.wasm', async (route) => {
      await held;
      await route.continue();
    });
    const tab = await open(context);
    const early = await tab.evaluate(async (server) => {
      const { anonymous, AuthSocket } = await import('gatepass');
      const now = performance.now.bind(performance);
      const make = (outbox) => new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), outbox });
      const code = (call) => {
        try {
          return call().status;
        } catch (error) {
          return error.code;
        }
      };
      globalThis.socket = make({ maxMessages: 3 });
      globalThis.messages = [socket.send('1'), socket.send('too late', { ttl: 1_000 }), socket.send(new Uint8Array(3))];
      const full = [
        code(() => socket.send('4')),
        code(() => make({ maxBytes: 3 }).send('four')),
        code(() => make({ maxBytes: 3, policy: 'drop-newest' }).send('four')),
      ];
      globalThis.drained = socket.drained().then(() => 'drained');
      const waits = await Promise.race([drained, new Promise((resolve) => setTimeout(() => resolve('waits')))]);
      const { queued, queuedBytes } = socket.stats();
      performance.now = () => now() + 2_000;
      return [full, waits, queued, queuedBytes, socket.bufferedAmount];
    }, server);
    assert.deepEqual(early, [['QUEUE_FULL', 'QUEUE_FULL', 'dropped'], 'waits', 3, 12, 12]);
    go();
    const late = await tab.evaluate(async () => [
      await drained,
      ...(await Promise.all(messages.map((message) => socket.sent(message)))),
      socket.stats().dropped,
      socket.stats().queued,
    ]);
    assert.deepEqual(late, ['drained', 'sent', 'dropped', 'sent', 1, 0]);
  });
});

test('streams: a writer waits for room while there is no connection, and after an end there is another', async () => {
  await withSocket({ outbox: { maxBytes: 100_000 } }, async (tab) => {
    await control({ do: 'stop' });
    await until(tab, () => socket.state === 'waiting');
    const waits = await tab.evaluate(async () => {
      globalThis.piped = new Blob([new Uint8Array(300_000)])
        .stream()
        .pipeThrough(
          new TransformStream({
            transform(chunk, to) {
              for (let at = 0; at < chunk.length; at += 50_000) to.enqueue(chunk.slice(at, at + 50_000));
            },
          }),
        )
        .pipeTo(socket.writable)
        .then(() => 'piped');
      return Promise.race([
        piped,
        new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve('waits')))),
      ]);
    });
    assert.equal(waits, 'waits');
    await control({ do: 'start' });
    const [piped, codes] = await tab.evaluate(async () => {
      const result = await piped;
      const code = (chunk) => {
        const writer = socket.writable.getWriter();
        writer.closed.catch(() => {});
        return writer
          .write(chunk)
          .then(() => writer.close())
          .then(
            () => 'written',
            (error) => error.code,
          );
      };
      await socket.ready();
      return [result, [await code('after an end'), await code({ no: 'message' }), await code('after a failure')]];
    });
    assert.deepEqual([piped, codes], ['piped', ['written', 'INVALID_OPTION', 'written']]);
    // At least six pieces: the browser chooses the chunks of a blob.
    await until(tab, () => heard.includes('after a failure'));
    const bytes = await tab.evaluate(async () =>
      (await Promise.all(heard.filter((data) => data instanceof Blob).map((data) => data.size))).reduce(
        (sum, size) => sum + size,
      ),
    );
    assert.equal(bytes, 300_000);
  });
});

test('close() gives up what a socket that was given up had queued, and nothing of it goes with the next', async () => {
  await inProfile(async (context) => {
    await control({ do: 'reset' });
    await control({ do: 'answer', endpoint: 'ticket', status: 403 });
    const tab = await open(context);
    const seen = await tab.evaluate(async (server) => {
      const { AuthSocket, presets, Session } = await import('gatepass');
      const session = new Session(presets.simpleJwt(`${server}/api`));
      await session.login({ username: 'maggie', password: 'secret' });
      const socket = new AuthSocket(`${server}/channel/`, { session, ...presets.ticketServerSocket(server) });
      const message = socket.send('of before');
      await socket.ready().catch(() => {});
      const { queued } = socket.stats();
      socket.close();
      const seen = [socket.state, queued, socket.stats().queued, message.status];
      socket.reconnect();
      socket.addEventListener('open', () => socket.send('of now'));
      const data = await new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)));
      return [...seen, data];
    }, server);
    assert.deepEqual(seen, ['closed', 1, 0, 'dropped', 'of now']);
  });
});

test('what makes no sense is refused by name', async () => {
  await withSocket({}, async (tab) => {
    const confirm = { id: 'id', ack: { id: '$id' } };
    const rows = [
      [{ heartbeat: { message: 'ping', interval: 0 } }, 'heartbeat.interval: milliseconds from 1'],
      [{ heartbeat: { message: 'ping', timeout: 0.5 } }, 'heartbeat.timeout: milliseconds from 1'],
      [{ heartbeat: { message: '' } }, 'heartbeat.message: the ping is needed'],
      [{ closeCodes: [] }, 'closeCodes: an object is needed'],
      [{ backoff: [] }, 'backoff: an object is needed'],
      [{ confirm: { ...confirm, id: 'a..b' } }, 'confirm.id: a name is needed'],
      [{ confirm: { ...confirm, id: '.' } }, 'confirm.id: a name is needed'],
      [{ confirm: { ...confirm, ack: { id: '$other' } } }, 'confirm.ack: only "$id"'],
      [{ outbox: { ttl: -1 } }, 'outbox.ttl: milliseconds from 0'],
      [{ outbox: { ttl: null } }, 'taken'],
    ];
    for (const [options, expected] of rows) {
      const said = await tab.evaluate(
        async ([server, options]) => {
          const { anonymous, AuthSocket } = await import('gatepass');
          try {
            new AuthSocket(`${server}/ws/anonymous/`, { scheme: anonymous(), ...options }).close();
            return 'taken';
          } catch (error) {
            return error.message;
          }
        },
        [server, options],
      );
      assert.ok(said.startsWith(expected), `${JSON.stringify(options)}: ${said}`);
    }
    const codes = await tab.evaluate(async () => {
      const code = (call) =>
        new Promise((resolve) => resolve(call())).then(
          (value) => value ?? 'done',
          (error) => error.code,
        );
      return Promise.all([
        code(() => socket.sent()),
        code(() => socket.sent({ status: 'else' })),
        code(() => socket.ready({ signal: {} })),
        code(() => socket.drained({ signal: 5 })),
        code(() => socket.send('x', 5)),
        code(() => socket.send('x', { ttl: null }).status),
      ]);
    });
    assert.deepEqual(codes, [
      'INVALID_OPTION',
      'INVALID_OPTION',
      'INVALID_OPTION',
      'INVALID_OPTION',
      'INVALID_OPTION',
      'sent',
    ]);
  });
});

test('streams: a writer waits while the network does, a reader gets all messages over a reconnect', async () => {
  await withSocket(
    { highWaterMark: 1_000 },
    async (tab) => {
      await tab.evaluate(() => {
        globalThis.reader = socket.readable.getReader();
        globalThis.writer = socket.writable.getWriter();
      });
      const first = await tab.evaluate(async () => {
        await writer.write('one');
        return (await reader.read()).value;
      });
      assert.equal(first, 'one');
      await control({ do: 'silence', on: true });
      // More than the socket buffers of both sides hold.
      const waits = await tab.evaluate(async () => {
        const big = new Uint8Array(16 << 20);
        globalThis.written = writer.write(big).then(() => 'written');
        const soon = new Promise((resolve) =>
          requestAnimationFrame(() => requestAnimationFrame(() => resolve('waits'))),
        );
        return Promise.race([written, soon]);
      });
      assert.equal(waits, 'waits');
      await control({ do: 'silence', on: false });
      assert.equal(
        await tab.evaluate(async () => [await written, (await reader.read()).value.size].join()),
        `written,${16 << 20}`,
      );
      await lose();
      await until(tab, () => socket.stats().connections === 2 && socket.state === 'connected');
      const [next, end] = await tab.evaluate(async () => {
        await writer.write('two');
        let next;
        do next = (await reader.read()).value;
        while (typeof next !== 'string');
        socket.close();
        return [next, (await reader.read()).done];
      });
      assert.deepEqual([next, end], ['two', true]);
      const refused = await tab.evaluate(() => writer.write('late').catch((error) => error.code));
      assert.equal(refused, 'CLOSED');
    },
    { maxMessageBytes: 32 << 20 },
  );
});

test('waiting for an end that does not come ends with the signal, and with the socket', async () => {
  await withSocket({}, async (tab) => {
    await control({ do: 'stop' });
    await until(tab, () => socket.state === 'waiting');
    const codes = await tab.evaluate(async () => {
      const message = socket.send('never');
      const abort = new AbortController();
      const code = (promise) =>
        promise.then(
          (value) => value ?? 'done',
          (error) => error.code,
        );
      const waits = [
        code(socket.drained({ signal: abort.signal })),
        code(socket.drained()),
        code(socket.sent(message)),
      ];
      abort.abort();
      const first = await waits[0];
      socket.close();
      return [first, ...(await Promise.all(waits.slice(1)))];
    });
    await control({ do: 'start' });
    assert.deepEqual(codes, ['ABORTED', 'CLOSED', 'dropped']);
  });
});
