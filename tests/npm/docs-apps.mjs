// Apps of the docs: a folder with the files of a page and nothing but the tarball.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { server } from './browser.mjs';
import { project } from './page.mjs';

/** The files of a page, or of one of its sections, by their names. */
export const filesOf = (page, heading) =>
  Object.fromEntries(
    [...sectionOf(readFileSync(page, 'utf8'), heading).matchAll(/^```\w+ \[(.*?)\]\n([\s\S]*?)^```/gm)].map(
      ([, name, text]) => [name, text.replaceAll(/http:..127\.0\.0\.1:8000|(https|wss):..api\.example\.com/g, server)],
    ),
  );
/** What stands below a heading, up to the next one of its kind. */
function sectionOf(text, heading) {
  if (heading === undefined) return text;
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section, heading);
  return section;
}

const TARBALL = join(
  project,
  readdirSync(project).find((name) => name.endsWith('.tgz')),
);

/** An empty folder with the package and some of them. */
export function folder(name, files) {
  const root = join(project, 'walk', name);
  rmSync(root, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  // The frameworks and their tools are resolved from a folder above.
  const { status, stderr } = spawnSync('npm', ['install', '--offline', '--no-audit', '--no-fund', TARBALL], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return root;
}
