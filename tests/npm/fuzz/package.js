// The package, loaded where the surroundings are ours already.

import { begin, Clock, Dice, FakeStorage, install } from './surroundings.js';

install();
begin({ clock: new Clock(), dice: new Dice(1), storage: new FakeStorage() });
const found = await import('gatepass');
await found.load({ wasm: globalThis.wasm });
// Scripts that are loaded on demand: the virtual clock does not wait for the network.
await Promise.all(
  ['tabs', 'locks', 'details', 'streams', 'requests', 'attempts'].map(
    (name) => import(`/node_modules/gatepass/pkg/${name}.js`),
  ),
);

export const { AuthSocket, GatepassError, Session, anonymous, firstMessage, presets, query, ticket } = found;
