// A browser by its WebDriver (W3C WebDriver): opened, sent to pages, closed.

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A port that is free now; drivers cannot choose one by themselves and tell it. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Opens a browser with a driver of its own, because geckodriver has one session. `go(url)` does not wait for the page. */
export async function open(program, capabilities) {
  const port = await freePort();
  // Otherwise geckodriver takes a fixed one.
  const more = program.includes('gecko') ? [`--websocket-port=${await freePort()}`] : [];
  const driver = spawn(program, [`--port=${port}`, ...more], { stdio: 'ignore' });
  const call = async (path, body, method = 'POST') => {
    const options = { method, headers: { 'content-type': 'application/json' } };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...options, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${path}: ${value.message}`);
    return value;
  };
  while (!(await call('/status', undefined, 'GET').catch(() => undefined))) {
    if (driver.exitCode !== null) throw new Error(`${program} has ended`);
    await pause(50);
  }
  const alwaysMatch = { ...capabilities, pageLoadStrategy: 'none', unhandledPromptBehavior: 'accept' };
  const { sessionId } = await call('/session', { capabilities: { alwaysMatch } });
  const path = `/session/${sessionId}`;
  return {
    go: (url) => call(`${path}/url`, { url }),
    async close() {
      await call(path, undefined, 'DELETE').catch(() => {});
      driver.kill();
    },
  };
}
