// Passes calls and handshakes on to another server, so that page and server are of one origin.

import { request as ask } from 'node:http';
import { connect } from 'node:net';

/** Passes a call on to the server of that URL. */
export function passCall(request, response, url) {
  const { hostname, port } = new URL(url);
  const { method, headers, url: path } = request;
  const passed = ask({ hostname, port, path, method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  passed.on('error', () => response.destroy());
  request.pipe(passed);
}

/** Passes a handshake on to the server of that URL, and then its bytes. */
export function passHandshake(request, socket, url) {
  const { hostname, port } = new URL(url);
  const upstream = connect(Number(port), hostname, () => {
    const headers = request.rawHeaders.flatMap((text, index) =>
      index % 2 ? [] : [`${text}: ${request.rawHeaders[index + 1]}`],
    );
    upstream.write([`GET ${request.url} HTTP/1.1`, ...headers, '', ''].join('\r\n'));
    socket.pipe(upstream).pipe(socket);
  });
  upstream.on('error', () => socket.destroy());
  socket.on('error', () => upstream.destroy());
}
