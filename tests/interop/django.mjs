// The Django example: its addresses, and what an administrator can do in its shell.

import { execFileSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

const { GATEPASS_TEST_PYTHON: python, GATEPASS_TEST_EXAMPLE: folder } = process.env;
/** One node with everything in memory. */
export const one = { url: process.env.GATEPASS_TEST_DJANGO, data: process.env.GATEPASS_TEST_DJANGO_DATA };
/** Two nodes behind nginx, with Redis. */
export const two = { url: process.env.GATEPASS_TEST_NODES, data: process.env.GATEPASS_TEST_NODES_DATA };
if (!python || !folder || !one.url || !two.url)
  throw new Error('run these tests by `cargo xtask test interop`: it starts the servers they need');

/** Runs a line of Python in Django's shell and returns what it prints. */
export function shell(server, code) {
  // With Redis, what is changed here reaches the sockets of the nodes.
  const redis = join(server.data, 'redis-url');
  const more = existsSync(redis) ? { REDIS_URL: readFileSync(redis, 'utf8') } : {};
  return execFileSync(python, ['manage.py', 'shell', '-v', '0', '-c', code], {
    cwd: folder,
    env: { ...process.env, EXAMPLE_DATA: server.data, ...more },
    encoding: 'utf8',
  });
}

/** Asks an endpoint as a program that is no browser does. */
export async function post(server, path, body, headers = {}) {
  const response = await fetch(server.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

export async function login(server, path = '/api/token/', user = 'maggie', password = 'secret') {
  return (await post(server, path, { username: user, password })).body;
}

/** A JWT signed with the example's key: what it issues, but for the claims that a test changes. */
export function jwt(
  claims,
  key = 'an-example-of-a-key-that-nobody-else-may-know-0123456789',
  header = { alg: 'HS256', typ: 'JWT' },
) {
  const encoded = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${encoded}.${createHmac('sha256', key).update(encoded).digest('base64url')}`;
}

export function claims(more = {}) {
  const now = Math.floor(Date.now() / 1000);
  return {
    token_type: 'access',
    exp: now + 300,
    iat: now,
    jti: randomUUID().replaceAll('-', ''),
    user_id: '1',
    ...more,
  };
}

/** Sends a handshake by hand and returns the status of its answer; an opened socket is closed again. */
export const handshake = async (server, path, headers = {}) => (await answerTo(server, path, headers)).status;

/** Sends a handshake by hand and returns all of its answer but the time; an opened socket is closed again. */
export function answerTo(server, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(server.url + path, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.from(randomUUID().slice(0, 16)).toString('base64'),
        origin: server.url,
        ...headers,
        ...(headers.origin === null && { origin: '' }),
      },
    });
    // A program that is no browser.
    if (headers.origin === null) asked.removeHeader('origin');
    asked.on('upgrade', (response, socket) => resolve({ status: response.statusCode }, socket.destroy()));
    asked.on('response', async (response) => {
      const { date: _, ...shown } = response.headers;
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, headers: shown, body });
    });
    asked.on('error', reject);
    asked.end();
  });
}
