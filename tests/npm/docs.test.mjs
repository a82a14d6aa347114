// Code in the docs is compiled, run, or included from tested code; the site builds without broken links.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { control } from './browser.mjs';
import { browser, project } from './page.mjs';
import { inContext } from './recorder.mjs';
import { served } from './served.mjs';

const root = join(import.meta.dirname, '../..');
const pages = [
  'README.md',
  ...['docs', 'examples', 'crates/gatepass-mock-server'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)),
  ),
].filter((name) => name.endsWith('.md') && !/node_modules|docs\/api|\.venv/.test(name));
/** Every block of code: where it is, its language, the file that it is, its text. */
const blocks = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(\w+)(?:,\w+)?(?: \[(.*?)\])?\n([\s\S]*?)^```$/gm)].map(
    ([, language, file, text]) => ({ page, language, file, text }),
  ),
);

/** Who looks at a language. */
const LOOKED_AT = {
  ts: () => {}, // `cargo xtask test package` compiles each, as Node and as bundlers find the types
  rust: ({ page }) =>
    assert.ok(
      ['src/lib.rs', 'crates/gatepass-mock-server/src/lib.rs'].some((file) =>
        readFileSync(join(root, file), 'utf8').includes(`${page}")]`),
      ),
      `${page} is among the documentation tests`,
    ),
  vue: isRun,
  js: isRun,
  jsx: isRun,
  svelte: isRun,
  html: isRun,
  tsx: () => {}, // as ts
  // The page on nginx is run by tests/interop/guides.test.mjs, the manifest of an extension by extensions.test.mjs.
  nginx: ({ page }) => assert.equal(page, 'docs/guides/nginx.md'),
  json: ({ text }) =>
    assert.ok(
      readFileSync(join(root, 'tests/npm/extensions.test.mjs'), 'utf8').includes(
        JSON.parse(text).content_security_policy.extension_pages,
      ),
    ),
  http: ({ text }) =>
    assert.ok(
      readFileSync(join(root, 'tests/npm/loading.test.mjs'), 'utf8').includes(/script-src [^;]*/.exec(text)[0]),
      'the header is one that the tests load the package under',
    ),
  sh: ({ page, text }) =>
    text
      .trim()
      .split('\n')
      .forEach((line) => runs(line.replace(/\s+#.*/, ''), page)),
};

/** These build and run the files of the pages that they name. */
const RUNNERS = ['start', 'guides', 'unit-tests', 'bundlers']
  .map((name) => readFileSync(join(import.meta.dirname, `${name}.test.mjs`), 'utf8'))
  .join('');
function isRun({ page, file }) {
  assert.ok(RUNNERS.includes(`${page}'`) && file, `${page}: nothing runs it`);
}

/** Each command of the docs is one that there is, with the options that it has. */
function runs(line, page) {
  const help = (program, ...given) => {
    const { stdout, status, stderr } = spawnSync(program, [...given, '--help'], { cwd: root, encoding: 'utf8' });
    assert.equal(status, 0, `${page}: ${line}: ${stderr}`);
    for (const [option] of line.matchAll(/(?<= )--[a-z-]+/g))
      assert.ok(stdout.includes(option), `${page}: ${line}: ${option}`);
  };
  const [program, first, second] = line.split(' ');
  if (program === 'curl') {
    const { status, stderr, stdout } = spawnSync('sh', ['-c', line.replace('curl', 'curl --fail-with-body -sS')], {
      env: { ...process.env, CONTROL: process.env.GATEPASS_TEST_CONTROL },
      encoding: 'utf8',
    });
    return assert.equal(status, 0, `${page}: ${line}: ${stderr} ${stdout}`);
  }
  if (program === 'gatepass-mock-server' || line === 'npx gatepass-mock-server --help')
    return help(join(root, 'target/debug/gatepass-mock-server'));
  if (program === 'python3') return help('python3', join(root, 'examples/django', first));
  if (line.startsWith('cargo xtask')) return help(join(root, 'target/debug/xtask'), second);
  if (line === 'cargo install gatepass-mock-server')
    return assert.match(
      readFileSync(join(root, 'crates/gatepass-mock-server/Cargo.toml'), 'utf8'),
      /\[\[bin\]\]|name = "gatepass-mock-server"/,
    );
  const [{ scripts, devDependencies: ours, name }, { devDependencies: others }, mock] = [
    '',
    'tests/frameworks',
    'crates/gatepass-mock-server/npm',
  ].map((folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')));
  const devDependencies = { ...ours, ...others };
  if (line.startsWith('npm install'))
    return line
      .split(' ')
      .slice(2)
      .filter((word) => !word.startsWith('-'))
      .forEach((word) => assert.ok([name, mock.name].includes(word) || devDependencies[word], `${page}: ${line}`));
  if (program === 'npm') return assert.ok(scripts[first === 'run' ? second : first], `${page}: ${line}`);
  assert.fail(`${page}: nothing tests \`${line}\``);
}

test('every block of code in the docs is one that a test looks at', async () => {
  await control({ do: 'reset' });
  assert.ok(blocks.length > 40, `${blocks.length} blocks`);
  for (const block of blocks) {
    assert.ok(LOOKED_AT[block.language], `${block.page}: nothing looks at ${block.language}`);
    LOOKED_AT[block.language](block);
  }
  await control({ do: 'reset' });
});

test('every code that an error can have is in the docs, and no other', () => {
  const typed = readFileSync(join(root, 'npm/errors.ts'), 'utf8')
    .match(/export type ErrorCode =([\s\S]*?);/)[1]
    .match(/(?<=')[A-Z_]+(?=')/g);
  const rows = readFileSync(join(root, 'src/error/table.rs'), 'utf8').match(/(?<=")[A-Z_]{4,}(?=")/g);
  const documented = [...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^\| `([A-Z_]+)`/gm)].map(
    ([, code]) => code,
  );
  assert.deepEqual(documented.toSorted(), typed.toSorted());
  assert.deepEqual(
    rows.filter((code) => !typed.includes(code)),
    [],
  );
  assert.ok(rows.length > 30, 'the rows were found');
});

test('every link between the pages leads somewhere', () => {
  const lost = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8')
      .replace(/^```[\s\S]*?^```$/gm, '')
      .replace(/`[^`\n]*`/g, '');
    return [...text.matchAll(/\]\((?!https?:|#|\/)([^)#]+)/g), ...text.matchAll(/^<<< ([^#{\n]+)/gm)].flatMap(
      ([, to]) => {
        try {
          readdirSync(dirname(join(root, dirname(page), to))).includes(to.split('/').pop()) ||
            readdirSync(join(root, dirname(page), to));
          return [];
        } catch {
          return [`${page}: ${to}`];
        }
      },
    );
  });
  assert.deepEqual(lost, []);
});

test('the site: every page opens, links lead somewhere, nothing complains, nothing comes from elsewhere', async () => {
  const site = process.env.GATEPASS_TEST_SITE;
  const complaints = [];
  await served(site, (origin) =>
    inContext(browser, {}, async (context) => {
      context.on(
        'console',
        (message) => ['warning', 'error'].includes(message.type()) && complaints.push(message.text()),
      );
      context.on('weberror', (error) => complaints.push(String(error.error())));
      context.on(
        'request',
        (request) =>
          new URL(request.url()).protocol === 'http:' &&
          !request.url().startsWith(origin) &&
          complaints.push(`elsewhere: ${request.url()}`),
      );
      context.on(
        'response',
        (response) => response.status() >= 400 && complaints.push(`${response.status()}: ${response.url()}`),
      );
      const tab = await context.newPage();
      const seen = new Set();
      const next = [`${origin}index.html`];
      while (next.length) {
        const url = next.pop();
        if (seen.has(url)) continue;
        seen.add(url);
        await tab.goto(url);
        assert.ok(await tab.title(), url);
        const { links, ids } = await tab.evaluate(() => ({
          links: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
          ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
        }));
        for (const link of links.map((href) => new URL(href)).filter((link) => `${link.origin}/` === origin)) {
          const hash = decodeURIComponent(link.hash.slice(1));
          link.hash = '';
          if (link.pathname.endsWith('/')) link.pathname += 'index.html';
          if (hash && link.href === url && !ids.includes(hash)) complaints.push(`${relative(origin, url)}: #${hash}`);
          next.push(link.href);
        }
      }
      assert.ok(seen.size > 25, `${seen.size} pages`);
    }),
  );
  assert.deepEqual(complaints, []);
});

/** The page that a search finds first. */
const FOUND_FIRST = {
  react: 'react',
  vue: 'vue',
  angular: 'angular',
  svelte: 'svelte-solid',
  pinia: 'vue',
  vitest: 'testing',
  jest: 'testing',
  playwright: 'testing',
  axios: 'recipes',
  csrf: 'guides/csrf-cookie',
  room: 'guides/rooms',
  subscribe: 'guides/rooms',
  resubscribe: 'guides/rooms',
  offline: 'guides/reconnect-banner',
  debug: 'guides/debug',
  logging: 'guides/debug',
  json: 'guides/json',
  typescript: 'guides/json',
  guard: 'guides/route-guards',
  interceptor: 'angular',
  nginx: 'guides/nginx',
  bundle: 'guides/first-load',
  backoff: 'reconnect',
  'retry policy': 'reconnect',
  'at-least-once': 'reconnect',
  'stale token': 'migration',
  changelog: 'changelog',
  TICKET_UNAUTHORIZED: 'errors',
};

test('a search of the site finds the right page first', async () => {
  const found = {};
  await served(process.env.GATEPASS_TEST_SITE, (origin) =>
    inContext(browser, {}, async (context) => {
      const tab = await context.newPage();
      for (const words of Object.keys(FOUND_FIRST)) {
        await tab.goto(`${origin}start.html`);
        // The search begins with what was looked for last, so that nothing of another search is shown.
        await tab.evaluate((words) => sessionStorage.setItem('vitepress:local-search-filter', words), words);
        await tab.getByRole('button', { name: 'Search' }).click();
        const first = tab.getByRole('option').first().locator('a');
        found[words] = (await first.getAttribute('href')).replace(/^\/|\.html.*/g, '');
      }
    }),
  );
  assert.deepEqual(found, FOUND_FIRST);
});

test('the example of testing an app runs as it is written', () => {
  const folder = join(project, 'tested');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const { file, text } of blocks.filter(({ file }) => ['mock-server.ts', 'reconnect.spec.ts'].includes(file)))
    writeFileSync(join(folder, file), text);
  cpSync(join(root, 'target/demo/vue'), join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  // Only the installed Chromium is added.
  writeFileSync(
    join(folder, 'playwright.config.ts'),
    `export default { workers: 1, reporter: 'line', use: { launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] } } };`,
  );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync('node', [join(root, 'node_modules/@playwright/test/cli.js'), 'test'], {
    cwd: folder,
    encoding: 'utf8',
    env,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /1 passed/);
});
