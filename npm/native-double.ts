// What a double has in the place of the browser's socket.

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
