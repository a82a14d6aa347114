// For projects that compile with an older `lib`.
/// <reference lib="esnext.disposable" />

/** A running mock server. It ends with `stop()`, and with this process. */
export interface MockServer extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** `ws://127.0.0.1:port` */
  readonly wsUrl: string;
  /** The URL of the control API. It has a random part. */
  readonly controlUrl: string;
  /**
   * Gives a command: `{ do: 'dropSockets', how: 'reset' }`. The README of the server lists them.
   * @throws Error with the server's answer, if it does not know the command
   */
  control(command: object): Promise<void>;
  /** What the server has counted: logins, refreshes, tickets, sockets. */
  counts(): Promise<Record<string, number>>;
  /** Ends the server. */
  stop(): Promise<void>;
}

/**
 * Starts a mock server on a free port of this machine.
 * @param options those of the command: `['--files', 'dist', '--spa']`; `npx gatepass-mock-server --help` lists them
 * @throws Error if there is no program for this machine, or an option is wrong
 */
export function startMockServer(options?: readonly string[]): Promise<MockServer>;
