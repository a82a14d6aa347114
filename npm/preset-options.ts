// What the presets share: `presets.ts` is made of the rows of src/proto/presets.json.

import type { AuthSocketOptions, SessionOptions } from './option-types.js';
import { isRecord, Options } from './options.js';

/** The options of a preset for a socket: spread them into the options. */
export type SocketPreset = Pick<AuthSocketOptions, 'scheme' | 'protocols' | 'params' | 'answers' | 'closeCodes'>;

/** An endpoint below the URL that the app gives. */
function below(base: string | URL, path: string): string {
  const given = new Options({ base }, '', { base: 'address' });
  const text = given.url('base');
  if (path === '') return text;
  if (text.includes('?')) given.fail('base', 'a URL without a query is needed; paths are put after it');
  return text.replace(/\/+$/, '') + path;
}

/** @internal A copy of a row, so that an app may change what it gets. */
export function copy<Row>(row: Row): Row {
  return JSON.parse(JSON.stringify(row)) as Row;
}

/** @internal The options of a session, with its endpoints below a URL. Changes the row, which is a copy. */
export function session(row: SessionOptions, base: string | URL): SessionOptions {
  for (const endpoint of [row.login, row.refresh, row.logout, row.restore]) {
    if (endpoint && endpoint !== true) endpoint.url = below(base, String(endpoint.url));
  }
  return row;
}

/** @internal The options of a socket, with the endpoint of its scheme below a URL. Changes the row, which is a copy. */
export function socket(row: SocketPreset, base: string | URL): SocketPreset {
  const scheme = row.scheme as { url: string };
  scheme.url = below(base, scheme.url);
  return row;
}

/** @internal Puts an argument of the caller, if there is one, into a row, which is a copy, at a dotted path. `merges`: beside what is there. */
export function put<Row extends object>(
  row: Row,
  path: string,
  argument: Record<string, unknown>,
  merges: boolean,
): Row {
  const [name, value] = Object.entries(argument)[0]!;
  if (value === undefined) return row;
  const given = new Options(argument, '', { [name]: 'json' });
  const json = given.json(name) ?? given.fail(name, 'a JSON value is needed');
  if (merges && !isRecord(value)) given.fail(name, 'an object is needed');
  const names = path.split('.');
  const last = names.pop()!;
  const place = names.reduce((object, name) => object[name] as Record<string, unknown>, row as Record<string, unknown>);
  place[last] = merges ? { ...(place[last] as object), ...(json as object) } : json;
  return row;
}
