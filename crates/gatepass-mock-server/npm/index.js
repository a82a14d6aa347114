// Starts the mock server from a test.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { binary } from './binary.js';

export async function startMockServer(options = []) {
  if (!Array.isArray(options)) throw new TypeError("options: an array is needed, such as ['--files', 'dist']");
  // It ends with its standard input, so that none is left behind, however this process ends.
  const given = [...options, '--end-with-stdin', '--format', 'json'];
  const env = { RUST_LOG: 'warn', ...process.env };
  const child = spawn(binary(), given, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const words = [];
  child.stderr.on('data', (text) => words.push(String(text)));
  const ended = new Promise((resolve) => child.on('close', resolve));
  const addresses = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => {
      try {
        resolve(JSON.parse(line));
      } catch {
        reject(new Error(`gatepass-mock-server says \`${line}\` and no addresses; give it no option that only prints`));
      }
    });
    child.on('error', (error) => reject(new Error(`gatepass-mock-server cannot be started: ${error.message}`)));
    ended.then((code) => reject(new Error(`gatepass-mock-server has ended (${code}): ${words.join('').trim()}`)));
  });
  child.stderr.removeAllListeners('data').on('data', (text) => process.stderr.write(text));
  // It does not keep this process alive.
  for (const handle of [child, ...child.stdio]) handle.unref();
  const { url, wsUrl, controlUrl } = addresses;
  const asked = (request, path = '') =>
    fetch(controlUrl + path, request).catch((cause) => {
      throw new Error('the mock server does not answer: it was stopped, or has ended', { cause });
    });
  const stop = () => {
    child.stdin.end();
    child.ref();
    return ended.then(() => {});
  };
  return {
    url,
    wsUrl,
    controlUrl,
    stop,
    [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]: stop,
    async control(command) {
      const answer = await asked({ method: 'POST', body: JSON.stringify(command) });
      if (!answer.ok) throw new Error(`${JSON.stringify(command)}: ${answer.status} ${await answer.text()}`);
    },
    async counts() {
      return (await asked({}, '/counts')).json();
    },
  };
}
