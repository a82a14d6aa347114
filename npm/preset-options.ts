// What the presets share: `presets.ts` is made of the rows of src/proto/presets.json.

import { failure } from './errors.js';
import type { AuthSocketOptions, SessionOptions } from './option-types.js';

/** The options of a preset for a socket: spread them into the options. */
export type SocketPreset = Pick<AuthSocketOptions, 'scheme' | 'protocols' | 'params' | 'closeCodes'>;

function below(base: string | URL, path: string): string {
  if (typeof base !== 'string' && !(base instanceof URL)) throw failure('INVALID_OPTION', 'base: a URL is needed');
  return path === '' ? String(base) : String(base).replace(/\/+$/, '') + path;
}

/** @internal The options of a session, with its endpoints below a URL. */
export function session(row: SessionOptions, base: string | URL): SessionOptions {
  const options: SessionOptions = { ...row };
  for (const name of ['login', 'refresh', 'logout'] as const) {
    const endpoint = row[name];
    if (endpoint) options[name] = { ...endpoint, url: below(base, endpoint.url as string) };
  }
  return options;
}

/** @internal The options of a socket, with the endpoint of its scheme below a URL. */
export function socket({ scheme, ...others }: SocketPreset, base: string | URL): SocketPreset {
  return {
    ...others,
    scheme: { ...scheme, url: below(base, (scheme as { url: string }).url) } as SocketPreset['scheme'],
  };
}

/** @internal A row with an argument of the caller at a dotted path; unchanged without one. `merges`: beside what is there. */
export function put<Row extends object>(row: Row, path: string, argument: unknown, merges: boolean): Row {
  if (argument === undefined) return row;
  const [name, ...rest] = path.split('.') as [keyof Row, ...string[]];
  const present = row[name] as object;
  const value = merges ? { ...present, ...(argument as object) } : argument;
  return { ...row, [name]: rest.length > 0 ? put(present, rest.join('.'), argument, merges) : value };
}
