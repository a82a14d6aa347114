// An app in one script beside the installed package, for a page or for Node.

import { join } from 'node:path';
import { build } from 'esbuild';
import { project } from './page.mjs';

/** Bundles a module into a file of the project; returns the file. `more`: further options of esbuild. */
export async function bundle(name, contents, platform, more = {}) {
  const outfile = join(project, name);
  await build({
    stdin: { contents, resolveDir: project },
    outfile,
    bundle: true,
    format: 'esm',
    platform,
    target: 'es2022',
    logLevel: 'warning',
    banner:
      platform === 'node'
        ? { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
        : {},
    ...more,
  });
  return outfile;
}
