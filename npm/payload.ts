// What an app may send.

import { copied } from './connection-driver.js';
import { failure } from './errors.js';

/** What can be sent. */
export type Sendable = string | ArrayBufferLike | ArrayBufferView | Blob;

/** @internal What browsers take. */
export type Plain = string | ArrayBuffer | ArrayBufferView | Blob;

/** @internal What a WebSocket takes without a doubt. Bytes in memory that is shared or can change its size are copied: browsers refuse them. */
export function plain(data: Sendable): Plain {
  if (typeof data === 'string' || isBlob(data)) return data;
  const buffer: ArrayBufferLike & { resizable?: boolean } = ArrayBuffer.isView(data)
    ? data.buffer
    : (data as ArrayBufferLike);
  const kind = kindOf(buffer);
  if (kind === undefined) {
    throw failure(
      'INVALID_OPTION',
      'data: a text, an ArrayBuffer, a view of one or a Blob is needed; use JSON.stringify for objects',
    );
  }
  return kind === 'own' && buffer.resizable !== true
    ? (data as ArrayBuffer | ArrayBufferView)
    : copied(data as ArrayBuffer);
}

/** What kind of memory this is, if it is some and does not only look like it. One that was given away is memory, too. */
function kindOf(buffer: ArrayBufferLike): 'own' | 'shared' | undefined {
  try {
    // The standard's getter takes no other (ECMA-262, `ArrayBuffer.prototype.byteLength`), of whatever window it is.
    return LENGTH.call(buffer) >= 0 ? 'own' : undefined;
  } catch {
    return isShared(buffer) ? 'shared' : undefined;
  }
}

const LENGTH = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!;

/** Not every page has the class of it, but all can have it as the memory of a wasm. */
function isShared(buffer: ArrayBufferLike): boolean {
  try {
    return new Uint8Array(buffer).buffer === buffer;
  } catch {
    return false;
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
