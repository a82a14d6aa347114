// The class of webSocketClass() beside the browser's, by one table of checks, in a page and in a worker.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { serve } from '../wpt/server.mjs';
import { inPage, project } from './page.mjs';

const WORKER = `
import { conformance } from '/conformance/index.js';
import { anonymous, webSocketClass } from '/node_modules/gatepass/pkg/index.js';
onmessage = async ({ data }) => {
  const native = await conformance(WebSocket, data);
  postMessage([native, await conformance(webSocketClass({ scheme: anonymous() }), data)]);
};
`;

let server;
before(async () => {
  // Its handlers alone; there is no suite in this folder.
  server = await serve('nowhere', undefined, () => {});
  cpSync(join(import.meta.dirname, 'conformance'), join(project, 'conformance'), { recursive: true });
  writeFileSync(join(project, 'conformance-worker.js'), WORKER);
});
after(() => server.close());

/** The names of the checks that docs/libraries.md lists as intended differences. */
const intended = readFileSync('docs/libraries.md', 'utf8')
  .split('| check | browser |')[1]
  .split('\n\n')[0]
  .split('\n')
  .flatMap((line) => /^\| `([^`]+)` \|/.exec(line)?.[1] ?? []);

for (const [where, script] of [
  [
    'a page',
    async (base) => {
      const { anonymous, webSocketClass } = await import('gatepass');
      const { conformance } = await import('/conformance/index.js');
      const native = await conformance(WebSocket, base);
      return [native, await conformance(webSocketClass({ scheme: anonymous() }), base)];
    },
  ],
  [
    'a worker',
    (base) =>
      new Promise((resolve, reject) => {
        const worker = new Worker('/conformance-worker.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage(base);
      }),
  ],
]) {
  test(`the class for libraries does what the browser's does, but for the listed differences, in ${where}`, async () => {
    const { result } = await inPage(script, server.url.replace('http', 'ws'));
    const [native, ours] = result.map((rows) => new Map(rows));
    assert.ok(native.size > 150, `${native.size} checks`);
    const differences = [...native].filter(([name, seen]) => ours.get(name) !== seen);
    const shown = differences.map(([name, seen]) => `${name}\n  native:   ${seen}\n  gatepass: ${ours.get(name)}`);
    assert.deepEqual(differences.map(([name]) => name).sort(), [...intended].sort(), shown.join('\n'));
    assert.deepEqual([...ours.keys()].sort(), [...native.keys()].sort());
  });
}
