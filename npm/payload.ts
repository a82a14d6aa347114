// What an app sends: what it may be, a copy of it, and how long it is.

import { failure } from './errors.js';

/** What can be sent. */
export type Sendable = string | ArrayBufferLike | ArrayBufferView | Blob;

/** @internal What browsers take. */
export type Plain = string | ArrayBuffer | ArrayBufferView | Blob;

/** @internal What a WebSocket takes without a doubt. Bytes in memory that is shared or can change its size are copied: browsers refuse them. */
export function plain(data: Sendable): Plain {
  if (typeof data === 'string' || isBlob(data)) return data;
  const buffer: ArrayBufferLike & { resizable?: boolean } = ArrayBuffer.isView(data) ? data.buffer : (data as ArrayBufferLike);
  const kind = kindOf(buffer);
  if (kind !== '[object ArrayBuffer]' && kind !== '[object SharedArrayBuffer]') {
    throw failure('INVALID_OPTION', 'data: a text, an ArrayBuffer, a view of one or a Blob is needed; use JSON.stringify for objects');
  }
  return kind === '[object ArrayBuffer]' && buffer.resizable !== true ? (data as ArrayBuffer | ArrayBufferView) : copied(data as ArrayBuffer);
}

/** What kind of memory this is, if it is some and does not only look like it. */
function kindOf(buffer: ArrayBufferLike): string {
  try {
    return buffer.byteLength >= 0 ? Object.prototype.toString.call(buffer) : '';
  } catch {
    return '';
  }
}

/** A blob, and not only something of its kind. */
function isBlob(data: unknown): data is Blob {
  try {
    return data instanceof Blob && data.size >= 0;
  } catch {
    return false;
  }
}

/** @internal A message as it is now. Of a buffer that was given away nothing is left, as for `WebSocket.send`. */
export function copied(data: Plain): Plain {
  if (typeof data === 'string' || data instanceof Blob) return data;
  try {
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
    return new Uint8Array(bytes).buffer;
  } catch {
    return new ArrayBuffer(0);
  }
}

/** @internal In UTF-16 units of a text, else in bytes. */
export const lengthOf = (data: Plain) => (typeof data === 'string' ? data.length : data instanceof Blob ? data.size : data.byteLength);
