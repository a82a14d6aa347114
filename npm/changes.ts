// Changes of state, as the wasm reports them.

import { ChangePart as At, CONNECTION_STATE_NAMES, PHASE_NAMES, SUSPEND_REASON_NAMES } from './contract.js';
import { type Causes, type GatepassError, named, nameOf, type FailureParts } from './errors.js';
import type { Phase, SocketState, StateChange, SuspendReason } from './events.js';
import type { Source } from './session-options.js';

/** @internal The new state of a change of the wasm. */
export const stateOf = (parts: readonly unknown[]): SocketState => nameOf(CONNECTION_STATE_NAMES, parts[At.State]);

/** @internal Whether an `error` event follows it. */
export const firesError = (parts: readonly unknown[]): boolean => parts[At.FiresError] === true;

/** @internal A change of the wasm, each part at its place. */
export function changeOf(
  parts: readonly unknown[],
  unconfirmed: unknown[],
  source?: Source,
  causes?: Causes,
): StateChange {
  const [phase, failure, suspended] = [parts[At.Phase], parts[At.Failure], parts[At.SuspendedFor]];
  return {
    state: nameOf(CONNECTION_STATE_NAMES, parts[At.State]),
    phase: phase === undefined ? phase : nameOf(PHASE_NAMES, phase),
    suspendedFor: suspended === undefined ? suspended : nameOf(SUSPEND_REASON_NAMES, suspended),
    previous: nameOf(CONNECTION_STATE_NAMES, parts[At.Previous]),
    code: parts[At.Code] as number | undefined,
    reason: parts[At.Reason] as string | undefined,
    attempt: parts[At.Attempt] as number,
    retryAt: parts[At.RetryAt] as number | undefined,
    error: failure === undefined ? failure : named(failure as FailureParts, source?.thrown, undefined, causes),
    dropped: parts[At.Dropped] as number,
    unconfirmed,
    userChanged: parts[At.UserChanged] === true,
  };
}

/** What an app shows of a socket. */
export interface SocketSnapshot {
  /** The state. */
  readonly state: SocketState;
  /** The phase of the present try, while connecting. */
  readonly phase: Phase | undefined;
  /** What it waits for, while suspended. */
  readonly suspendedFor: SuspendReason | undefined;
  /** The last failure, until it is connected again. A sign-in ends those that asked for it. */
  readonly error: GatepassError | undefined;
  /** When the next try starts, in milliseconds since 1970; while waiting, or suspended without a network. */
  readonly retryAt: number | undefined;
}

/** @internal What is shown after a change. */
export function snapshotOf(
  { state, phase, suspendedFor, error, retryAt, userChanged }: StateChange,
  shown: SocketSnapshot,
): SocketSnapshot {
  const before = userChanged ? undefined : shown.error;
  const isOver = state === 'connected' || (state === 'connecting' && before?.disposition === 'signIn');
  return Object.freeze({ state, phase, suspendedFor, error: error ?? (isOver ? undefined : before), retryAt });
}

/** @internal A change that the face makes. */
export const changeTo = (state: SocketState, previous: SocketState): StateChange => ({
  state,
  previous,
  phase: undefined,
  suspendedFor: undefined,
  code: undefined,
  reason: undefined,
  attempt: 0,
  retryAt: undefined,
  error: undefined,
  dropped: 0,
  unconfirmed: [],
  userChanged: false,
});

/** @internal Before anything has happened. */
export const IDLE: SocketSnapshot = snapshotOf(changeTo('idle', 'idle'), {} as SocketSnapshot);
