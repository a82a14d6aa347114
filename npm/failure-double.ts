// Failures as a test names them, in the shape in which the wasm tells them.

import { ChangePart as At, FailurePart, REMEDY_NAMES } from './contract.js';
import { type Disposition, type ErrorCode, failure, type FailureParts } from './errors.js';
import { SENTENCES } from './sentences.js';

/** The numbers of a failure. */
export interface Failed {
  /** The HTTP status. */
  status?: number;
  /** The close code. */
  closeCode?: number;
  /** The least wait, in seconds. */
  retryAfter?: number;
}

/** @internal The parts of a failure. @throws GatepassError INVALID_OPTION for a code or disposition that there is not */
export function partsOf(code: ErrorCode, disposition: Disposition, details: Failed = {}): FailureParts {
  const sentence = SENTENCES.findIndex((text) => text.startsWith(`${code} `));
  const remedy = REMEDY_NAMES.indexOf(disposition);
  if (sentence < 0) throw failure('INVALID_OPTION', `code: the server and the network cause no "${code}"`);
  if (remedy < 0) throw failure('INVALID_OPTION', `disposition: one of ${REMEDY_NAMES.join(', ')} is needed`);
  const parts: Array<number | undefined> = [];
  parts[FailurePart.Sentence] = sentence;
  parts[FailurePart.Remedy] = remedy;
  parts[FailurePart.Status] = details.status;
  parts[FailurePart.CloseCode] = details.closeCode;
  parts[FailurePart.RetryAfter] = details.retryAfter;
  return parts;
}

/** @internal A failure as part of a change. */
export const failureOf = (code: ErrorCode, disposition: Disposition, details?: Failed): Record<number, unknown> => ({
  [At.Failure]: partsOf(code, disposition, details),
  [At.FiresError]: true,
});
