// What a double has in the place of the browser's socket and of the machine's look into messages.

import { ConfirmOptionsAt } from './contract.js';
import { closeEvent } from './events.js';

/** @internal A WebSocket for `webSocketClass()`, which looks at that behind its AuthSocket. */
export class NativeDouble extends EventTarget {
  readonly protocol = '';
  readonly extensions = '';
  readonly bufferedAmount = 0;
  readyState = 0;

  close(code = 1005, reason = ''): void {
    this.readyState = 2;
    queueMicrotask(() => {
      this.readyState = 3;
      this.dispatchEvent(closeEvent(code, reason, true));
    });
  }
}

/** @internal The id of a message of JSON, where the option `confirm` says; undefined if it has none. */
export function idOf(data: unknown, confirm: readonly unknown[]): unknown {
  if (typeof data !== 'string') return undefined;
  try {
    const path = String(confirm[ConfirmOptionsAt.id]).split('.');
    return path.reduce((value, name) => (value as Record<string, never>)[name], JSON.parse(data));
  } catch {
    return undefined;
  }
}
