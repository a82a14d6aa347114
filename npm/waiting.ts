// What calls that wait need: the signal that ends them, and the script for back-pressure.

import { failure, GatepassError, part } from './errors.js';
import { Options } from './options.js';
import type { AuthSocket } from './socket.js';

/** @internal The script for back-pressure. @throws GatepassError LOAD_FAILED */
export const streams = () => part(import('./streams.js'));

/** @internal The signal among options, if there is one. */
export function signalOf(options?: { signal?: AbortSignal }): AbortSignal | undefined {
  const given = new Options(options ?? {}, '', { signal: 'face' });
  const signal = given.get('signal') ?? undefined;
  return signal === undefined || signal instanceof AbortSignal
    ? signal
    : given.fail('signal', 'an AbortSignal is needed');
}

/** @internal What was thrown, as an error of gatepass. */
export function asError(thrown: unknown): GatepassError {
  return thrown instanceof GatepassError ? thrown : failure('LOAD_FAILED', String(thrown), thrown);
}

/** @internal Waits until a socket is connected. Rejects with what has closed it, or asks for a sign-in (`error`). */
export function connected(
  socket: AuthSocket<any, any>,
  error: () => GatepassError | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      if (signal?.aborted) reject(failure('ABORTED', 'waiting for the connection was aborted', signal.reason));
      else if (socket.state === 'connected') resolve();
      else if (socket.state === 'closed') reject(error() ?? failure('CLOSED', 'the socket is closed'));
      // Without a network it continues by itself.
      else if (socket.suspendedFor === 'sign-in') {
        const visitor = 'nobody is signed in: call login() or setTokens() first';
        reject(error() ?? new GatepassError(['TOKEN_MISSING', visitor, 'signIn']));
      } else return;
      socket.removeEventListener('statechange', settle);
      signal?.removeEventListener('abort', settle);
    };
    socket.addEventListener('statechange', settle);
    signal?.addEventListener('abort', settle);
    settle();
  });
}
