// What an app may send.

import { copied } from './connection-driver.js';
import { failure } from './errors.js';

/** What can be sent. */
export type Sendable = string | ArrayBufferLike | ArrayBufferView | Blob;

/** A class that behaves as `WebSocket`: that of the package `ws`, or a double in a unit test. */
export interface WebSocketConstructor {
  /** Dials. */
  new (url: string, protocols: string[]): object;
}

/** @internal What browsers can send. */
export type Plain = string | ArrayBuffer | ArrayBufferView | Blob;

/** @internal Whether it is a Blob, bytes or a view of bytes. */
export function isBinary(data: unknown): data is Exclude<Sendable, string> {
  return isBlob(data) || kindOf((ArrayBuffer.isView(data) ? data.buffer : data) as ArrayBufferLike) !== undefined;
}

/** @internal Converts to what every WebSocket accepts. Bytes in shared or resizable memory are copied, because browsers refuse them. */
export function plain(data: Sendable): Plain {
  if (typeof data === 'string' || isBlob(data)) return data;
  const buffer: ArrayBufferLike & { resizable?: boolean } = ArrayBuffer.isView(data)
    ? data.buffer
    : (data as ArrayBufferLike);
  const kind = kindOf(buffer);
  if (kind === undefined) {
    throw failure(
      'INVALID_OPTION',
      'data: a string, an ArrayBuffer, a view of one or a Blob is needed; use JSON.stringify for objects',
    );
  }
  return kind === 'own' && buffer.resizable !== true
    ? (data as ArrayBuffer | ArrayBufferView)
    : copied(data as ArrayBuffer);
}

/** The kind of buffer, if the value is one and does not only look like one. A detached buffer is one, too. */
function kindOf(buffer: ArrayBufferLike): 'own' | 'shared' | undefined {
  try {
    // The getter accepts only such a buffer, of any window (ECMA-262, `ArrayBuffer.prototype.byteLength`).
    return LENGTH.call(buffer) >= 0 ? 'own' : undefined;
  } catch {
    return isShared(buffer) ? 'shared' : undefined;
  }
}

const LENGTH = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!;

/** Not every page has this class, but every page can have such memory, from a wasm. */
function isShared(buffer: ArrayBufferLike): boolean {
  try {
    return new Uint8Array(buffer).buffer === buffer;
  } catch {
    return false;
  }
}

/** Whether it is a Blob and does not only look like one. */
function isBlob(data: unknown): data is Blob {
  try {
    return data instanceof Blob && data.size >= 0;
  } catch {
    return false;
  }
}
