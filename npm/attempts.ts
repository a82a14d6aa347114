// Calls the app's functions for an attempt. Loaded if it has any.

import type { Asked, AttemptContext, Attempts, Functions } from './asking.js';
import { changeOf } from './changes.js';
import { Question } from './contract.js';
import { failure } from './errors.js';
import { Options } from './options.js';
import { plain } from './payload.js';

/** @internal Answers a question of the machine: see `Question` in src/proto/connection/io.rs. Rejects with what the app threw. */
export async function answer(
  functions: Functions,
  attempts: Attempts,
  question: number,
  { send, said, token, authorization, protocol, socket, signal }: Asked,
): Promise<unknown> {
  const context = contextOf(attempts, signal);
  const message = said === undefined ? undefined : JSON.parse(said);
  switch (question as Question) {
    case Question.Address: {
      const { url, params, protocols } = functions;
      const asked = [url, params, protocols].map((value) => (typeof value === 'function' ? value(context) : value));
      const [address, ...others] = await Promise.all<unknown>(asked);
      const checked = functions.check(address, others[0], others[1]);
      attempts.url = checked.url;
      return checked;
    }
    case Question.FirstMessage: {
      const given = { ...context, token, authorization, hello: message, protocol };
      const first = { message: await (functions.message as (context: object) => unknown)(given) };
      const options = new Options(first, 'scheme.', { message: 'json' });
      return [options.json('message') ?? options.fail('message', 'the function has to return a JSON value')];
    }
    case Question.Connected: {
      const say = (data: unknown) => {
        if (!send(plain(data as string)))
          throw failure('CLOSED', 'onConnected has ended, or its connection; use send() of the socket');
      };
      await functions.onConnected!(say, { ...context, ack: message, protocol, socket });
      return null;
    }
  }
}

function contextOf({ attempt = 1, connected, last }: Attempts, signal: AbortSignal): AttemptContext {
  const reason = { now: 'handover', before: 'again', none: 'first' } as const;
  const close = last && changeOf(last, []);
  return {
    attempt,
    reason: reason[connected ?? 'none'],
    lastClose: close && { code: close.code, reason: close.reason, error: close.error },
    signal,
  };
}
