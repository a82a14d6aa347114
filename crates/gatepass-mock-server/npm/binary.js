// Where the program for this machine is: in a package of its own, one for each platform, or where an environment variable says.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { optionalDependencies, version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));

/** The path of the program. @throws Error that says what mends it */
export function binary() {
  const { GATEPASS_MOCK_SERVER: own } = process.env;
  if (own) return own;
  const { arch, platform } = process;
  const name = `gatepass-mock-server-${platform}-${arch}`;
  const file = platform === 'win32' ? 'gatepass-mock-server.exe' : 'gatepass-mock-server';
  try {
    return createRequire(import.meta.url).resolve(`${name}/${file}`);
  } catch {
    const mend =
      name in optionalDependencies
        ? `the package ${name} is missing: install with optional dependencies (npm install --include=optional)`
        : `there is none for ${platform} on ${arch}: with Rust, run \`cargo install gatepass-mock-server\`, and set GATEPASS_MOCK_SERVER to the path of the program`;
    throw new Error(`gatepass-mock-server ${version} has no program to run; ${mend}`);
  }
}
