// What calls that wait need: the signal that ends them, and the script for back-pressure.

import { failure, GatepassError } from './errors.js';
import { Options } from './options.js';

/** @internal The script for back-pressure. @throws GatepassError LOAD_FAILED */
export const streams = () =>
  import('./streams.js').catch((thrown: unknown) => {
    throw asError(thrown);
  });

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
