// What Node, Bun and Deno import as `gatepass`: the wasm is a file, which their `fetch` may not read.

import { bring } from './load.js';

interface FileSystem {
  readFile(url: URL): Promise<BufferSource>;
}

/** The module of Node by a name that no compiler for browsers looks up. */
const fileSystem = 'node:fs/promises';

bring(async () => {
  const { readFile } = (await import(fileSystem)) as FileSystem;
  return readFile(new URL('./core_bg.wasm', import.meta.url));
});

export * from './index.js';
