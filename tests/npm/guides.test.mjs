// The pages of the docs by task, and those on React, Svelte and Solid: each built as it is written, and walked through.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import react from '@vitejs/plugin-react';
import vue from '@vitejs/plugin-vue';
import { build } from 'vite';
import solid from 'vite-plugin-solid';
import { angularApp, ngBuild } from './angular-cli.mjs';
import { ask, control } from './browser.mjs';
import { filesOf, folder } from './docs-apps.mjs';
import { opened, served } from './served.mjs';

const HTML = (script) =>
  `<!doctype html><title>App</title><link rel="icon" href="data:,"><div id="root"></div><div id="app"></div><script type="module" src="/${script}"></script>`;
const PACKAGE = '{"name": "app", "private": true, "type": "module"}';

/** Builds files by Vite, and opens the page. */
async function inApp(name, files, plugins, work) {
  const script = ['src/main.ts', 'src/main.jsx', 'src/main.js'].find((file) => files[file]);
  const root = folder(name, { 'index.html': HTML(script), ...files, 'package.json': PACKAGE });
  await build({ root, configFile: false, logLevel: 'error', plugins });
  await served(join(root, 'dist'), (url) => opened(url, work));
}

/** Signs in, and waits for the connection. */
async function signsIn(tab) {
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.getByText('connected').waitFor();
}

test('the app of the page on React', async () => {
  await inApp('react', filesOf('docs/react.md'), [react()], async (tab) => {
    await signsIn(tab);
    await control({ do: 'push', text: 'a quote' });
    await tab.getByText('a quote').waitFor();
    await tab.reload();
    await tab.getByText('connected').waitFor();
  });
});

test('the app of the page on Svelte', async () => {
  const main = `import { mount } from 'svelte';\nimport App from './App.svelte';\nmount(App, { target: document.getElementById('app') });`;
  const files = { ...filesOf('docs/svelte-solid.md', 'Svelte'), 'src/main.js': main };
  await inApp('svelte', files, [svelte({ configFile: false })], signsIn);
});

test('the app of the page on Solid', async () => {
  const main = `import { render } from 'solid-js/web';\nimport App from './App.jsx';\nrender(() => <App />, document.getElementById('app'));`;
  const files = { ...filesOf('docs/svelte-solid.md', 'Solid'), 'src/main.jsx': main };
  await inApp('solid', files, [solid()], signsIn);
});

const BANNER = 'docs/guides/reconnect-banner.md';
const OPTIONS = Object.values(filesOf('docs/react.md'))
  .join('')
  .match(/presets\.ticketServerSocket\('([^']*)'\)/);
const SERVER = OPTIONS[1];

const SESSION = `new Session(presets.simpleJwt('${SERVER}/api'))`;

/** The banner says what happens, and goes when all is well. */
async function bannerWorks(tab) {
  await tab.getByText('is connected').waitFor();
  const said = () => tab.getByRole('status').textContent();
  assert.equal((await said()).trim(), '');
  await control({ do: 'stop' });
  await tab.getByText('Next try in').waitFor();
  assert.doesNotMatch(await said(), /Next try/, 'a countdown is not read out');
  await control({ do: 'start' });
  // Unless it has just tried by itself.
  await tab.evaluate(() =>
    [...document.querySelectorAll('button')].find((button) => button.textContent === 'Try now')?.click(),
  );
  await tab.getByText('is connected').waitFor();
  await tab.context().setOffline(true);
  await control({ do: 'dropSockets', how: 'reset' });
  await tab.getByRole('status').getByText('You are offline.').waitFor();
  await tab.context().setOffline(false);
  await tab.getByText('is connected').waitFor();
}

test('the banner of the docs: Vue', async () => {
  const files = {
    ...filesOf(BANNER, 'Vue'),
    'src/App.vue': `<script setup>
import { presets, Session } from 'gatepass';
import { useAuthSocket } from 'gatepass/vue';
import Banner from './Banner.vue';
const session = ${SESSION};
session.login({ username: 'maggie', password: 'secret' });
const socket = useAuthSocket('${SERVER}/channel/', { session, ...presets.ticketServerSocket('${SERVER}') });
const { state } = socket;
</script>
<template><Banner :socket="socket" /><p>It is {{ state }}</p></template>`,
    'src/main.js': `import { createApp } from 'vue';\nimport App from './App.vue';\ncreateApp(App).mount('#app');`,
  };
  await inApp('banner-vue', files, [vue()], bannerWorks);
});

test('the banner of the docs: React', async () => {
  const files = {
    ...filesOf(BANNER, 'React'),
    'src/main.jsx': `import { createRoot } from 'react-dom/client';
import { presets, Session } from 'gatepass';
import { useAuthSocket } from 'gatepass/react';
import { Banner } from './Banner.jsx';
const session = ${SESSION};
session.login({ username: 'maggie', password: 'secret' });
function App() {
  const socket = useAuthSocket('${SERVER}/channel/', { session, ...presets.ticketServerSocket('${SERVER}') });
  return <><Banner socket={socket} /><p>It is {socket.state}</p></>;
}
createRoot(document.getElementById('root')).render(<App />);`,
  };
  await inApp('banner-react', files, [react()], bannerWorks);
});

test('the banner of the docs: without a framework', async () => {
  const files = {
    ...filesOf(BANNER, 'Without a framework'),
    'src/main.ts': `import { AuthSocket, presets, Session } from 'gatepass';
import { banner } from './banner';
const session = ${SESSION};
session.login({ username: 'maggie', password: 'secret' });
const socket = new AuthSocket('${SERVER}/channel/', { session, ...presets.ticketServerSocket('${SERVER}') });
const place = document.body.appendChild(document.createElement('aside'));
banner(socket, place);
socket.subscribe(({ state }) => (document.title = state));`,
  };
  await inApp('banner-plain', files, [], async (tab) => {
    await tab.waitForFunction(() => document.title === 'connected');
    assert.equal((await tab.locator('aside [role=status]').textContent()).trim(), '');
    assert.ok(await tab.locator('aside button').isHidden());
    await control({ do: 'stop' });
    await tab
      .getByText('There is no connection at present')
      .or(tab.getByText('The connection was lost'))
      .first()
      .waitFor();
    await control({ do: 'start' });
  });
});

test('the banner and the guards of the docs: Angular', async () => {
  const guards = filesOf('docs/guides/route-guards.md', 'Angular Router');
  const provided = `provideGatepass({ socket: { url: '${SERVER}/channel/', ...presets.ticketServerSocket('${SERVER}') }, session:`;
  const main = guards['src/main.ts']
    .replace('provideGatepass({ session:', provided)
    .replace(
      'import { routes }',
      "import { inject } from '@angular/core';\nimport { GatepassSocket } from 'gatepass/angular';\nimport { Banner } from './banner';\nimport { routes }",
    )
    .replace(
      'imports: [RouterOutlet], template: `<router-outlet />`',
      'imports: [RouterOutlet, Banner], template: `<app-banner /><router-outlet /><p>It is {{ socket.state() }}</p>`',
    )
    .replace('class App {}', 'class App { readonly socket = inject(GatepassSocket); }');
  const more = { ...guards, ...filesOf(BANNER, 'Angular') };
  const files = { ...angularApp(main, { compilerOptions: { skipLibCheck: true } }), ...more, 'src/main.ts': main };
  await served(ngBuild(folder('guards-angular', files)), (url) =>
    opened(url, async (tab) => {
      await guardsWork(tab);
      await bannerWorks(tab);
    }),
  );
});

/** Who is signed in stays where they are at a reload, and who is not goes to the login. */
async function guardsWork(tab) {
  const shown = () =>
    tab.addInitScript(() => {
      globalThis.seen = [];
      new MutationObserver(() => {
        const now = document.querySelector('h1') ? 'app' : document.querySelector('button') ? 'login' : undefined;
        if (now && now !== seen.at(-1)) seen.push(now);
      }).observe(document, { childList: true, subtree: true });
    });
  await tab.waitForURL(/\/login\?to=/);
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.getByRole('heading', { name: 'Orders' }).waitFor();
  // The store is written.
  await tab.waitForFunction(() => localStorage.length > 0);
  await shown();
  await tab.reload();
  await tab.getByRole('heading', { name: 'Orders' }).waitFor();
  assert.deepEqual(await tab.evaluate(() => seen), ['app'], 'no login form at a reload');
  const other = await tab.context().newPage();
  await other.goto(tab.url());
  await other.getByRole('button', { name: 'Sign out' }).click();
  await tab.getByRole('button', { name: 'Sign in' }).waitFor();
  await other.close();
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.getByRole('heading', { name: 'Orders' }).waitFor();
}

test('the guards of the docs: Vue Router', async () => {
  await inApp('guards-vue', filesOf('docs/guides/route-guards.md', 'Vue Router'), [vue()], guardsWork);
});

test('the rooms of the docs are joined before anything is said in them, and again after a loss', async () => {
  await inApp('rooms', filesOf('docs/guides/rooms.md'), [], async (tab) => {
    await tab.getByText('lobby: hello').waitFor();
    await control({ do: 'dropSockets', how: 'reset' });
    const joins = async () => (await ask('received')).filter(({ text }) => text?.includes('"join"')).length;
    while ((await joins()) < 4) await control({ do: 'publish', room: 'lobby', text: 'missed' });
    await control({ do: 'publish', room: 'news', text: 'back' });
    await tab.getByText('news: back').waitFor();
  });
});

test('the conversation of the docs: what fits is shown, and what does not is told with its place', async () => {
  await inApp('values', filesOf('docs/conversation.md', 'Messages as values'), [], async (tab) => {
    await tab.getByText('ACME costs 7. Wrong at price.').waitFor();
  });
});

test('the conversation of the docs: a room, across a loss', async () => {
  await inApp('subscriptions', filesOf('docs/conversation.md', 'Subscriptions'), [], async (tab) => {
    await tab.getByText('hello').waitFor();
    await control({ do: 'dropSockets', how: 'reset' });
    while (!(await ask('received')).filter(({ text }) => text?.includes('"join"'))[1]);
    await control({ do: 'publish', room: 'lobby', text: 'again' });
    await tab.getByText('hello again').waitFor();
  });
});

test('the conversation of the docs: an answer and a refusal', async () => {
  await inApp('requests', filesOf('docs/conversation.md', 'Requests'), [], async (tab) => {
    await tab.getByText('the time the server refuses it (maybe-arrived)').waitFor();
  });
});

test('the conversation of the docs: nothing is missed, or it is told', async () => {
  await inApp('resume', filesOf('docs/conversation.md', 'Nothing missed'), [], async (tab) => {
    while (!(await ask('received')).some(({ text }) => text?.includes('"join"')));
    await control({ do: 'publish', room: 'lobby', text: 'one' });
    await tab.getByText('one').waitFor();
    await control({ do: 'stop' });
    await control({ do: 'publish', room: 'lobby', text: 'two' });
    await control({ do: 'start' });
    await tab.getByText('one two').waitFor();
    await control({ do: 'stop' });
    await control({ do: 'publish', room: 'lobby', text: 'lost' });
    await control({ do: 'forgetLogs' });
    await control({ do: 'publish', room: 'lobby', text: 'three' });
    await control({ do: 'start' });
    await tab.getByText('one two gap three').waitFor();
  });
});

test('the sockets of the docs share one session', async () => {
  await inApp('several', filesOf('docs/guides/several-sockets.md'), [], async (tab) => {
    for (const room of ['chat', 'prices']) await tab.getByText(`?room=${room} connected`).waitFor();
    const { logins, tickets } = await ask('counts');
    assert.deepEqual([logins, tickets], [1, 2]);
  });
});

test('the messages of the docs are typed, and what is not understood is left alone', async () => {
  await inApp('json', filesOf('docs/guides/json.md'), [], async (tab) => {
    await tab.getByText('3 of ACME.').waitFor();
    for (const text of [
      'no JSON',
      'null',
      '[]',
      '{"type":"quote","symbol":"ACME"}',
      '{"type":"quote","symbol":"CYBR","price":7}',
    ])
      await control({ do: 'push', text });
    await tab.getByText('CYBR costs 7.').waitFor();
    assert.equal(
      await tab
        .locator('body')
        .textContent()
        .then((text) => text.trim()),
      '3 of ACME. CYBR costs 7.',
    );
  });
});

test('the log of the docs tells what fails, and no credential', async () => {
  const said = [];
  await inApp('debug', filesOf('docs/guides/debug.md'), [], async (tab) => {
    tab.on('console', (message) => said.push(message.text()));
    await tab.reload();
    const tells = async (what) => {
      while (!said.some((text) => what.test(text))) await tab.waitForEvent('console');
    };
    await tells(/socket connected/);
    await control({ do: 'answer', endpoint: 'ticket', status: 503, times: 1 });
    await control({ do: 'dropSockets', how: 'reset' });
    await tells(/TICKET_SERVER|TICKET_/);
    await tells(/tries again at/);
  });
  assert.ok(!said.some((text) => /^(session|socket).*(eyJ|ticket=)/.test(text)), said.join('\n'));
});

test('the store of the page on Vue shares one socket, and KeepAlive closes what is not shown', async () => {
  const files = {
    ...filesOf('docs/vue.md'),
    'src/App.vue': `<script setup>
import { ref } from 'vue';
import { useSession } from 'gatepass/vue';
import { useChat } from './chat.js';
import Quotes from './Quotes.vue';
const { session } = useSession();
session.login({ username: 'maggie', password: 'secret' });
const [chat, again] = [useChat(), useChat()];
const isShown = ref(false);
</script>
<template><p>Chat {{ chat.state }} {{ again.lines }}</p><button @click="isShown = !isShown">Quotes</button><KeepAlive><Quotes v-if="isShown" /></KeepAlive></template>`,
    'src/main.js': `import { createPinia } from 'pinia';\n${filesOf('docs/vue.md')['src/main.js'].replace(').mount(', ').use(createPinia()).mount(')}`,
  };
  await inApp('pinia', files, [vue()], async (tab) => {
    const open = async (count) => {
      while ((await ask('counts')).open !== count) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await tab.getByText('Chat connected').waitFor();
    await control({ do: 'push', text: 'a line' });
    await tab.getByText('a line').waitFor();
    await open(1);
    const toggle = tab.getByRole('button', { name: 'Quotes' });
    await toggle.click();
    await tab.getByText('Quotes connected').waitFor();
    await open(2);
    await toggle.click();
    await open(1);
    await toggle.click();
    await tab.getByText('Quotes connected').waitFor();
  });
});

test('the resource of the page on Angular sends the token', async () => {
  const { 'src/main.ts': main } = filesOf('docs/angular.md', "The app's own calls");
  const files = angularApp(main, { compilerOptions: { skipLibCheck: true } });
  await served(ngBuild(folder('resource-angular', files)), (url) =>
    opened(url, async (tab) => {
      await tab.getByRole('button', { name: 'Sign in' }).click();
      await tab.getByText('maggie').waitFor();
    }),
  );
});
