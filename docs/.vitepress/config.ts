// The docs as a site: `npm run docs` builds it into target/site.

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { defineConfig } from 'vitepress';

const docs = resolve(import.meta.dirname, '..');

interface Item {
  text: string;
  link?: string;
  items?: Item[];
  collapsed?: boolean;
}

/** The reference, as TypeDoc has written it: a page for each symbol, by module and kind. */
function reference(folder: string): Item[] {
  const path = join(docs, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => name !== 'index.md')
    .map((entry) => {
      const within = `${folder}/${entry.name}`;
      if (entry.isFile()) return { text: entry.name.replace('.md', ''), link: `/${within.replace('.md', '')}` };
      const text = entry.name.replace('-', ' ').replace(/^./, (letter) => letter.toUpperCase());
      const isModule = existsSync(join(docs, within, 'index.md'));
      const name = isModule
        ? entry.name === 'gatepass'
          ? 'gatepass'
          : entry.name === 'presets'
            ? 'presets'
            : `gatepass/${entry.name}`
        : text;
      return { text: name, ...(isModule && { link: `/${within}/` }), collapsed: true, items: reference(within) };
    });
}

export default defineConfig({
  title: 'gatepass',
  description: 'Authenticated WebSockets that stay connected',
  lang: 'en',
  // Any folder of a server will do for it: links are relative to where it lies.
  base: (process.env.GATEPASS_DOCS_BASE as `/${string}/` | undefined) ?? '/',
  outDir: '../target/site',
  cacheDir: '../target/vitepress',
  srcExclude: ['mutants.md'],
  rewrites: { 'schemes/README.md': 'schemes/index.md' },
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    config(md) {
      // The file that a block is: ```ts [src/main.ts]
      const { fence } = md.renderer.rules;
      md.renderer.rules.fence = (tokens, index, ...rest) => {
        const token = tokens[index]!;
        // The highlighter knows no ```rust,no_run
        const isRust = token.info.startsWith('rust');
        // As rustdoc does: such lines are for the test of a block alone.
        if (isRust) token.content = token.content.replace(/^ *#( .*)?\n/gm, '');
        const [, name] = /\[(.*)\]/.exec(token.info) ?? [];
        if (isRust) token.info = 'rust';
        return (
          (name === undefined ? '' : `<p><code>${md.utils.escapeHtml(name)}</code></p>`) +
          fence!(tokens, index, ...rest)
        );
      };
      // What lies outside of the docs is named, but not linked: it is in the repository, and no part of the site. A README is an index here.
      md.core.ruler.push('outside', ({ tokens, env }) => {
        for (const { children } of tokens) {
          for (let index = 0; index < (children?.length ?? 0); index++) {
            const href = children![index]!.type === 'link_open' && (children![index]!.attrGet('href') ?? '');
            if (!href || /^([a-z]+:|#|\/)/.test(href)) continue;
            const path = relative(docs, resolve(dirname(env.realPath ?? env.path), href.replace(/[#?].*/, '')));
            if (!path.startsWith('..') && path !== 'mutants.md') {
              children![index]!.attrSet('href', href.replace('README.md', 'index.md'));
              continue;
            }
            const end = children!.findIndex(({ type }, at) => at > index && type === 'link_close');
            children!.splice(end, 1);
            children!.splice(index, 1);
          }
        }
      });
    },
  },
  themeConfig: {
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          searchOptions: {
            // The page of that name, then tasks, and the reference of symbols last.
            boostDocument: (page: string, word: string) => {
              if (page.includes('/api/')) return 0.1;
              if (page.startsWith('/faq.')) return 0.3;
              if (page.startsWith(`/${word}.`)) return 4;
              return page.startsWith('/guides/') || page.startsWith('/errors.') ? 1.5 : 1;
            },
          },
        },
      },
    },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Authentication schemes', link: '/schemes/' },
      { text: 'Compare', link: '/compare' },
      { text: 'API', link: '/api/' },
      { text: 'Changes', link: '/changelog' },
    ],
    sidebar: [
      {
        text: 'Begin',
        items: [
          { text: 'Start in five minutes', link: '/start' },
          { text: 'Comparison', link: '/compare' },
          { text: 'Questions', link: '/faq' },
        ],
      },
      {
        text: 'How to',
        items: [
          { text: 'Show a reconnecting banner', link: '/guides/reconnect-banner' },
          { text: 'Guard routes', link: '/guides/route-guards' },
          { text: 'Join rooms again after a reconnect', link: '/guides/rooms' },
          { text: 'Subscribe, request and resume', link: '/conversation' },
          { text: 'Send and receive JSON', link: '/guides/json' },
          { text: 'Log in with a CSRF token', link: '/guides/csrf-cookie' },
          { text: 'Use several sockets', link: '/guides/several-sockets' },
          { text: 'Test a component', link: '/testing' },
          { text: 'Run behind nginx', link: '/guides/nginx' },
          { text: 'Debug a connection', link: '/guides/debug' },
          { text: 'Make the first load quick', link: '/guides/first-load' },
          { text: 'Use it with axios, TanStack Query, tRPC …', link: '/recipes' },
        ],
      },
      {
        text: 'How it works',
        items: [
          { text: 'The session', link: '/session' },
          { text: 'Staying connected', link: '/reconnect' },
          { text: 'Presets', link: '/presets' },
          { text: 'Security', link: '/security' },
          { text: 'Loading the wasm', link: '/loading' },
        ],
      },
      {
        text: 'Authentication schemes',
        items: [
          { text: 'Which one', link: '/schemes/' },
          ...['ticket', 'session-key', 'first-message', 'subprotocol', 'cookie', 'query', 'header', 'user-id'].map(
            (name) => ({
              text: name.replace('-', ' ').replace(/^./, (letter) => letter.toUpperCase()),
              link: `/schemes/${name}`,
            }),
          ),
        ],
      },
      {
        text: 'Frameworks',
        items: [
          { text: 'Vue', link: '/vue' },
          { text: 'Angular', link: '/angular' },
          { text: 'React', link: '/react' },
          { text: 'Svelte and Solid', link: '/svelte-solid' },
          { text: 'Libraries that take a WebSocket', link: '/libraries' },
          { text: 'Rust', link: '/rust' },
        ],
      },
      {
        text: 'Around it',
        items: [
          { text: 'Server side', link: '/server' },
          { text: 'Supported browsers and runtimes', link: '/support' },
          { text: 'Moving to gatepass', link: '/migration' },
          { text: 'Changes', link: '/changelog' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Options', link: '/options' },
          { text: 'Error codes', link: '/errors' },
          { text: 'Troubleshooting', link: '/troubleshooting' },
          { text: 'API', link: '/api/', collapsed: true, items: reference('api') },
        ],
      },
    ],
  },
});
