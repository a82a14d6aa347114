// What the drivers ask of the browser, where JavaScript needs fewer bytes for it than wasm and its glue.
//
// Nothing is decided here. Nothing throws either, but `open`: what the browser throws may quote what it was given.

/**
 * Makes an HTTP request; `done` hears once, later: with status, Retry-After, Date and body, or with nothing if there was no answer.
 *
 * @param {string} url
 * @param {string} method
 * @param {string | undefined} authorization
 * @param {string | undefined} type The media type of the body.
 * @param {string | undefined} body
 * @param {boolean} cookies Whether cookies go along.
 * @param {boolean} keepalive Whether it outlives the page; then nothing ends it.
 * @param {(kind: number, answer?: unknown[]) => void} done
 * @returns {() => void} Ends it; `done` hears nothing any more.
 */
export function request(url, method, authorization, type, body, cookies, keepalive, done) {
  const abort = new AbortController();
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (authorization) headers.authorization = authorization;
  if (type) headers['content-type'] = type;
  const answer = async () => {
    const response = await fetch(url, {
      method, headers, body, keepalive, cache: 'no-store', redirect: 'error',
      credentials: cookies ? 'include' : 'omit', signal: keepalive ? null : abort.signal,
    });
    return [response.status, response.headers.get('retry-after'), response.headers.get('date'), await response.text()];
  };
  answer().then((parts) => done(0, parts), () => done(0));
  return () => {
    done = () => {};
    abort.abort();
  };
}

/**
 * Dials. The listener is attached before the browser can say anything: 0 a message, 1 opened (the protocol), 2 an error, 3 closed
 * (code, reason, was clean).
 *
 * @param {string} url
 * @param {string[]} protocols
 * @param {BinaryType} binaryType
 * @param {(kind: number, data?: unknown) => void} tell
 * @throws Where the browser will not make this socket.
 */
export function open(url, protocols, binaryType, tell) {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = binaryType;
  socket.onopen = () => tell(1, socket.protocol);
  socket.onmessage = ({ data }) => tell(0, data);
  socket.onerror = () => tell(2);
  socket.onclose = ({ code, reason, wasClean }) => tell(3, [code, reason, wasClean]);
  return socket;
}

/**
 * Stops listening and closes; on a socket that has closed this does nothing.
 *
 * @param {WebSocket} socket
 * @param {number} code Checked before.
 * @param {string} reason
 */
export function close(socket, code, reason) {
  socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
  socket.close(code, reason);
}
