// Classes that every browser has, and an environment of unit tests may not (jsdom in Jest). There they are taken from Node.

interface Environment {
  TextDecoder?: unknown;
  TextEncoder?: unknown;
  process?: { getBuiltinModule?(name: string): Environment | undefined };
}

const here = globalThis as unknown as Environment;
const util = here.TextDecoder ? undefined : here.process?.getBuiltinModule?.('node:util');
if (util) Object.assign(here, { TextDecoder: util.TextDecoder, TextEncoder: util.TextEncoder });

export {};
