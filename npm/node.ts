/**
 * For a client in Node, Bun, Deno or Electron's main process: the same as `gatepass`, and sockets connect there. Do not import it in code that renders pages on
 * a server.
 * @module gatepass/node
 */

import { load } from './on-node.js';

// Who waits for it is told.
load().catch(() => {});

export * from './on-node.js';
