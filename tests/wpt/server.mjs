// Serves a copy of web-platform-tests as its own server does, as far as `websockets/` needs it: wrappers of scripts, templates, a few endpoints.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { HANDLERS } from './handlers.mjs';
import { Peer } from './wire.mjs';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
};

/** What a page tells when it has finished. */
const REPORT = `
add_completion_callback((tests, { status, message }) => {
  const rows = tests.map((test) => [test.name, test.status, test.message]);
  navigator.sendBeacon('/report', JSON.stringify({ page: location.pathname, status, message, rows }));
});
`;

/** The lines \`// META: key=value\` of a script. */
export function metaOf(text) {
  const lines = [...text.matchAll(/^\/\/ META: (\w+)=(.*)$/gm)].map(([, key, value]) => [key, value.trim()]);
  const of = (name) => lines.filter(([key]) => key === name).map(([, value]) => value);
  return { scripts: of('script'), globals: (of('global')[0] ?? 'window,dedicatedworker').split(',') };
}

/**
 * Starts the server. `ours`: a classic script that puts the class in the place of the browser's; undefined for the native one.
 * `reported` is called with what each page tells.
 */
export async function serve(from, ours, reported) {
  const first = ours === undefined ? '' : '<script src="/ours.js"></script>\n';
  const imports = (scripts) => scripts.map((path) => `importScripts(${JSON.stringify(path)});\n`).join('');
  const inWorker = ours === undefined ? '' : imports(['/ours.js']);

  /** A page or script, made of a file of the copy. */
  function pageOf(path) {
    const file = (ending) => (path.endsWith(ending) ? join(from, path.slice(0, -ending.length)) : undefined);
    const text = (path) => readFileSync(path, 'utf8');
    const loaded = ['/resources/testharness.js', '/resources/testharnessreport.js'];
    const tags = (scripts) => scripts.map((path) => `<script src="${path}"></script>\n`).join('');
    for (const [ending, source] of [
      ['.any.html', '.any.js'],
      ['.window.html', '.window.js'],
    ]) {
      const found = file(ending);
      if (!found || !existsSync(found + source)) continue;
      const own = path.slice(0, -ending.length) + source;
      return `<!doctype html>\n${first}${tags([...loaded, ...metaOf(text(found + source)).scripts, own])}`;
    }
    for (const [ending, worker] of [
      ['.any.worker.html', '.any.worker.js'],
      ['.worker.html', '.worker.js'],
    ]) {
      const found = file(ending);
      if (!found || !existsSync(found + worker.replace('.any.worker', '.any'))) continue;
      const own = JSON.stringify(path.slice(0, -ending.length) + worker);
      return `<!doctype html>\n${tags(loaded)}<script>fetch_tests_from_worker(new Worker(${own} + location.search));</script>`;
    }
    const script = file('.any.worker.js');
    if (script && existsSync(`${script}.any.js`)) {
      const scripts = ['/resources/testharness.js', ...metaOf(text(`${script}.any.js`)).scripts];
      return `${inWorker}${imports([...scripts, `${path.slice(0, -'.any.worker.js'.length)}.any.js`])}done();`;
    }
    // Their server has it under this name, too.
    const plain = join(from, path.replace('/resources/WebIDLParser.js', '/resources/webidl2/lib/webidl2.js'));
    if (!existsSync(plain) || !statSync(plain).isFile()) return undefined;
    if (path === '/resources/testharnessreport.js') return REPORT;
    let content = text(plain);
    const { port } = server.address();
    if (path.includes('.sub.'))
      content = content
        .replace(/\{\{host\}\}/g, 'localhost')
        .replace(/\{\{hosts\[alt\]\[\w*\]\}\}/g, '127.0.0.1')
        .replace(/\{\{ports\[\w+\]\[0\]\}\}/g, port);
    if (path.endsWith('.worker.js')) return inWorker + content;
    if (path.endsWith('.html')) return content.replace(/^(<!doctype[^>]*>)?/i, `$1\n${first}`);
    return content;
  }

  const endpoints = {
    '/websockets/security/check.py': (request, response) =>
      response.end('sec-websocket-key' in request.headers ? 'FAIL' : 'PASS'),
    '/websockets/cookies/support/set-cookie.py': (request, response) => {
      const cookie = decodeURIComponent(new URL(request.url, 'http://localhost').search.slice(1));
      response.setHeader('set-cookie', cookie).setHeader('content-type', 'text/plain').end();
    },
    '/ours.js': (_, response) => response.setHeader('content-type', TYPES['.js']).end(ours),
  };
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname);
    if (path === '/report') {
      let body = '';
      for await (const chunk of request) body += chunk;
      reported(JSON.parse(body));
      return response.writeHead(204).end();
    }
    if (endpoints[path]) return endpoints[path](request, response);
    const content = pageOf(path);
    response.setHeader('content-type', TYPES[extname(path)] ?? 'text/plain').setHeader('cache-control', 'no-store');
    if (content === undefined) response.writeHead(404).end();
    else if (path.includes('windows-1252'))
      response.setHeader('content-type', 'text/html').end(readFileSync(join(from, path)));
    else response.end(content);
  });
  server.on('upgrade', (request, socket, head) => {
    // A page that is left resets its sockets.
    socket.on('error', () => {});
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname.endsWith('redirect_response.py'))
      return socket.end('HTTP/1.1 301 Moved Permanently\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n');
    const enter = HANDLERS[pathname.slice(1)];
    if (!enter) return socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    const peer = new Peer(request, socket, head);
    Promise.resolve(enter(peer)).catch(() => peer.abort());
    peer.read();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}`,
    close: () => (server.closeAllConnections(), server.close()),
  };
}
