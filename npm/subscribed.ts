// Sessions and sockets as stores of state: React, Svelte and Solid ask for a value that is the same until it changes, and a call when it does.

import { reported } from './events.js';

interface Store<T> extends EventTarget {
  readonly snapshot: T;
}

/** @internal Calls back with the snapshot, now and after each event of that type, until the returned function is called. */
export function subscribed<T>(store: Store<T>, type: string, listener: (snapshot: T) => void): () => void {
  let known = store.snapshot;
  const changed = () => {
    if (known === store.snapshot) return;
    known = store.snapshot;
    listener(known);
  };
  store.addEventListener(type, changed);
  reported(() => listener(known));
  return () => store.removeEventListener(type, changed);
}
