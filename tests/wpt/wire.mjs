// The server's side of one WebSocket by hand (RFC 6455), for handlers that have to break its rules, too.

import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** The answer to a key (section 4.2.2). */
const acceptOf = (key) =>
  createHash('sha1')
    .update(key + GUID)
    .digest('base64');

/** A frame of the server: not masked, and not fragmented (section 5.2). */
export function frame(opcode, payload) {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head[1] === 126) head.writeUInt16BE(length, 2);
  if (head[1] === 127) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** The payload of a close frame (section 5.5.1). */
export function closing(code, reason = '') {
  if (code === undefined) return Buffer.alloc(0);
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

/** One connection, from its handshake on. */
export class Peer {
  constructor(request, socket, head) {
    this.request = request;
    this.socket = socket;
    this.query = new URL(request.url, 'http://localhost').search.slice(1);
    this.origin = request.headers.origin ?? '';
    const offered = request.headers['sec-websocket-protocol'];
    this.offered = offered === undefined ? [] : offered.split(',').map((protocol) => protocol.trim());
    this.isOver = false;
    this.hasSentClose = false;
    this.waiting = [];
    this.messages = [];
    this.bytes = head;
    this.parts = [];
    socket.on('data', (data) => {
      this.bytes = Buffer.concat([this.bytes, data]);
      this.read();
    });
    socket.on('close', () => this.ends());
  }

  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** The head of the answer; the fields that a handler does not set are as they should be. */
  head({ protocol, headers = [], accept = acceptOf(this.request.headers['sec-websocket-key'] ?? '') } = {}) {
    return [
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      'Upgrade: websocket',
      `Sec-WebSocket-Accept: ${accept}`,
      ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
      ...headers,
      '',
      '',
    ].join('\r\n');
  }

  send(data) {
    this.write(typeof data === 'string' ? frame(TEXT, Buffer.from(data)) : frame(BINARY, data));
  }

  ping() {
    this.write(frame(PING, Buffer.from('ping')));
  }

  /** The next message: a text, bytes, or undefined once the client closes. */
  receive() {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
    return this.isOver ? Promise.resolve(undefined) : new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Begins the closing handshake, or answers it. */
  close(code, reason) {
    if (this.hasSentClose) return;
    this.hasSentClose = true;
    this.write(frame(CLOSE, closing(code, reason)));
    if (this.heard) this.socket.end();
  }

  abort() {
    this.socket.destroy();
  }

  ends() {
    this.isOver = true;
    for (const resolve of this.waiting.splice(0)) resolve(undefined);
  }

  read() {
    for (let next = this.frame(); next; next = this.frame()) this.heed(next);
  }

  /** Takes the next whole frame. */
  frame() {
    const { bytes } = this;
    if (bytes.length < 2) return undefined;
    let length = bytes[1] & 0x7f;
    let start = 2;
    if (length === 126) {
      if (bytes.length < 4) return undefined;
      length = bytes.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return undefined;
      length = Number(bytes.readBigUInt64BE(2));
      start = 10;
    }
    const mask = bytes.subarray(start, start + 4);
    start += 4;
    if (bytes.length < start + length) return undefined;
    const payload = Buffer.from(bytes.subarray(start, start + length));
    for (let place = 0; place < length; place++) payload[place] ^= mask[place % 4];
    this.bytes = bytes.subarray(start + length);
    return { isLast: (bytes[0] & 0x80) !== 0, opcode: bytes[0] & 0x0f, payload };
  }

  heed({ isLast, opcode, payload }) {
    if (opcode === PING) return this.write(frame(PONG, payload));
    if (opcode === PONG) return;
    if (opcode === CLOSE) {
      this.heard = {
        code: payload.length < 2 ? undefined : payload.readUInt16BE(0),
        reason: payload.subarray(2).toString(),
      };
      this.ends();
      if (this.hasSentClose) this.socket.end();
      return;
    }
    if (opcode !== CONTINUATION) this.kind = opcode;
    this.parts.push(payload);
    if (!isLast) return;
    const whole = Buffer.concat(this.parts.splice(0));
    const message = this.kind === TEXT ? whole.toString() : whole;
    const resolve = this.waiting.shift();
    if (resolve) resolve(message);
    else this.messages.push(message);
  }
}
