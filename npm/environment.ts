// What every browser has, and an environment of unit tests may not (jsdom in Jest).

interface Environment {
  Request?: typeof Request;
  Response?: typeof Response;
  TextDecoder?: unknown;
  TextEncoder?: unknown;
  process?: { getBuiltinModule?(name: string): Environment | undefined };
}

/** @internal The global object, of which nothing is certain. */
export const here = globalThis as unknown as Environment;

// The glue of the wasm needs these when it is loaded. Node has them.
const util = here.TextDecoder ? undefined : here.process?.getBuiltinModule?.('node:util');
if (util) Object.assign(here, { TextDecoder: util.TextDecoder, TextEncoder: util.TextEncoder });
