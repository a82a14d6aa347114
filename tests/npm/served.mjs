// Serves a folder and opens it in Chromium.

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { control } from './browser.mjs';
import { browser } from './page.mjs';
import { inContext } from './recorder.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };

/** Serves a folder while something is done with its address; returns the paths that were asked for. */
export async function served(folder, work) {
  const asked = [];
  const files = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    asked.push(path);
    // A path without an extension is a route of the app.
    const file = extname(path) ? path : 'index.html';
    try {
      response.setHeader('content-type', TYPES[extname(path)] ?? 'text/html').end(readFileSync(join(folder, file)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => files.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${files.address().port}/`);
  } finally {
    files.close();
  }
  return asked;
}

/** Opens a page with a server that remembers nothing. */
export async function opened(url, work) {
  await control({ do: 'reset' });
  await inContext(browser, {}, async (context) => {
    const tab = await context.newPage();
    await tab.goto(url);
    await work(tab);
  });
}
