// Sentences for users: one for every error, in both languages, as the docs list them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { server } from './browser.mjs';
import { inPage, project } from './page.mjs';

const { english, german, userMessage } = await import(
  pathToFileURL(join(project, 'node_modules/gatepass/pkg/user-messages.js'))
);

test('the docs list the sentences of both languages, which have the same keys', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
  const rows = [...docs.matchAll(/^\| ([^|`]+) \| ([^|]+) \| `(\w+)` \|$/gm)].map(([, en, de, key]) => [key, en, de]);
  assert.deepEqual(
    rows,
    Object.keys(english).map((key) => [key, english[key], german[key]]),
  );
  assert.deepEqual(Object.keys(german), Object.keys(english));
});

test('an error has a sentence that names no code, no address and nothing that the server has said; an app may have its own', async () => {
  const { result } = await inPage(async (server) => {
    const { Session, presets } = await import('gatepass');
    const { english, german, userMessage } = await import('gatepass/user-messages');
    const session = new Session(presets.simpleJwt(`${server}/api`));
    const wrong = await session.login({ username: 'maggie', password: 'no' }).catch((error) => error);
    const lost = await new Session({ login: { url: 'http://127.0.0.1:9/x' } })
      .login({ a: 'b' })
      .catch((error) => error);
    const missing = await session.accessToken().catch((error) => error);
    const own = { unknown: 'hm', INVALID_CREDENTIALS: 'nope' };
    return [
      ...[wrong, lost, missing, new Error('boom')].map((error) => userMessage(error)),
      userMessage(wrong, german),
      userMessage(wrong, own),
      userMessage(lost, own),
      userMessage(missing, { ...english, signIn: 'in?', TOKEN_MISSING: undefined }),
    ];
  }, server);
  assert.deepEqual(result, [
    'The name or the password is wrong.',
    'The sign-in did not work. Please try again.',
    'Please sign in.',
    'Something went wrong. Please try again later.',
    'Der Name oder das Passwort ist falsch.',
    'nope',
    'hm',
    'in?',
  ]);
  assert.equal(userMessage(undefined), english.unknown);
});

test('a long address is blamed for a failed dial, and a missing WebSocket is no Content-Security-Policy', async () => {
  const { result } = await inPage(async () => {
    const { anonymous, AuthSocket } = await import('gatepass');
    const failed = (url, options) =>
      new Promise((resolve) => {
        const socket = new AuthSocket(url, { scheme: anonymous(), ...options });
        socket.addEventListener('error', ({ error }) => {
          socket.close();
          resolve([error.code, error.disposition, error.message.replace(/\d+ bytes/, 'N bytes')]);
        });
      });
    const long = await failed(`ws://127.0.0.1:9/?${'a'.repeat(5_000)}`);
    delete globalThis.WebSocket;
    return [long, await failed('ws://127.0.0.1:9/')];
  });
  assert.deepEqual(result, [
    [
      'HANDSHAKE_TOO_LONG',
      'retry',
      'the connection failed; browsers hide why, but its URL and subprotocols are long, and many servers accept only 4 to 8 KiB (N bytes) (1006)',
    ],
    ['UNSUPPORTED', 'giveUp', 'there is no WebSocket here; set globalThis.WebSocket, or use a newer runtime'],
  ]);
});
