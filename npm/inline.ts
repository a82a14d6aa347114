/**
 * The same with the wasm inside: no second file, for bundlers and servers that have no place for one. It is a third larger.
 * @module gatepass/inline
 */

import { bring } from './load.js';
import { WASM } from './wasm-inline.js';

bring(() => Uint8Array.from(atob(WASM), (letter) => letter.charCodeAt(0)));

export * from './index.js';
