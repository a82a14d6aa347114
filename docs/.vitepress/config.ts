// The docs as a site: `npm run docs` builds it into target/site.

import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { defineConfig } from 'vitepress';

const docs = resolve(import.meta.dirname, '..');

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
        // As rustdoc does: such lines are for the test of a block alone.
        if (token.info.startsWith('rust')) token.content = token.content.replace(/^ *#( .*)?\n/gm, '');
        const [, name] = /\[(.*)\]/.exec(token.info) ?? [];
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
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Authentication schemes', link: '/schemes/' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          { text: 'Start in five minutes', link: '/start' },
          { text: 'The session', link: '/session' },
          { text: 'Staying connected', link: '/reconnect' },
          { text: 'Presets', link: '/presets' },
          { text: 'Recipes', link: '/recipes' },
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
          { text: 'Libraries that take a WebSocket', link: '/libraries' },
          { text: 'Rust', link: '/rust' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Server side', link: '/server' },
          { text: 'Testing your app', link: '/testing' },
          { text: 'What it runs in', link: '/support' },
          { text: 'Moving to gatepass', link: '/migration' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Options', link: '/options' },
          { text: 'Error codes', link: '/errors' },
          { text: 'Troubleshooting', link: '/troubleshooting' },
          {
            text: 'API',
            link: '/api/',
            collapsed: false,
            items: existsSync(resolve(docs, 'api'))
              ? [
                  { text: 'gatepass', link: '/api/gatepass/' },
                  { text: 'presets', link: '/api/gatepass/namespaces/presets' },
                  { text: 'gatepass/vue', link: '/api/gatepass/vue' },
                  { text: 'gatepass/angular', link: '/api/gatepass/angular' },
                  { text: 'gatepass/user-messages', link: '/api/gatepass/user-messages' },
                ]
              : [],
          },
        ],
      },
    ],
  },
});
