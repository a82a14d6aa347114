// The recipes of the docs for HTTP clients, with the real clients, in Chromium: a refused token is renewed once for all calls.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { build } from 'esbuild';
import { ask, control, server } from './browser.mjs';
import { inPage, project } from './page.mjs';

const page = readFileSync(join(import.meta.dirname, '../../docs/recipes.md'), 'utf8');
/** The code of a section, of the mock server instead of the example's, with what it is to give back. */
const recipe = (section, exported) => {
  const [, code] = new RegExp(`## ${section}\\n[\\s\\S]*?\`\`\`ts[^\\n]*\\n([\\s\\S]*?)\`\`\``).exec(page);
  return `${code.replaceAll('https://api.example.com', server).replace(/^(console\.log|const orders).*[\s\S]*/m, '')}\n${exported}`;
};

before(async () => {
  for (const [name, contents] of [
    ['axios', recipe('axios', '')],
    ['ofetch', recipe('ofetch', 'export { api, session };')],
    ['tanstack', recipe('TanStack Query', 'export { client, session };')],
  ]) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      external: ['gatepass'],
      write: false,
      logLevel: 'warning',
    });
    writeFileSync(join(project, `recipe-${name}.js`), outputFiles[0].contents);
  }
});

for (const [name, call] of [
  ['axios', "async ({ api }) => (await api.get('/protected')).data.user"],
  ['ofetch', "async ({ api }) => (await api('/protected')).user"],
  [
    'tanstack',
    `({ client, session }) =>
      client.fetchQuery({
        queryKey: [crypto.randomUUID()],
        queryFn: async () => (await (await session.fetch('${server}/protected')).json()).user,
      })`,
  ],
])
  test(`${name}: twenty calls that are refused at once make one renewal, and all are answered`, async () => {
    await control({ do: 'reset' });
    const { result } = await inPage(
      async ({ name, call, server }) => {
        const recipe = await import(`/recipe-${name}.js`);
        const send = (0, eval)(call);
        await recipe.session.login({ username: 'maggie', password: 'secret' });
        const users = [await send(recipe)];
        const control = await (await fetch(`${server}/control`)).text();
        await fetch(control, { method: 'POST', body: '{"do":"expireTokens"}' });
        users.push(...(await Promise.all(Array.from({ length: 20 }, () => send(recipe)))));
        return users;
      },
      { name, call, server },
    );
    assert.deepEqual(result, Array(21).fill('maggie'));
    assert.equal((await ask('counts')).refreshes, 1);
  });
