// An Angular application of one file, set up as by `ng new`, built by the Angular CLI.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ng = createRequire(import.meta.url).resolve('@angular/cli/bin/ng.js');

/** The files of an application, by their names. */
export function angularApp(main, { polyfills = [], compilerOptions = {} } = {}) {
  const options = {
    browser: 'src/main.ts',
    index: 'src/index.html',
    tsConfig: 'tsconfig.json',
    outputPath: 'dist',
    polyfills,
  };
  const app = {
    projectType: 'application',
    root: '',
    sourceRoot: 'src',
    architect: { build: { builder: '@angular/build:application', options } },
  };
  return {
    'angular.json': JSON.stringify({
      version: 1,
      cli: { analytics: false, cache: { enabled: false } },
      projects: { app },
    }),
    'package.json': '{"name": "app", "private": true}',
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        strict: true,
        experimentalDecorators: true,
        importHelpers: true,
        target: 'ES2022',
        module: 'preserve',
        types: [],
        ...compilerOptions,
      },
      files: ['src/main.ts'],
    }),
    'src/index.html':
      '<!doctype html><html lang="en"><head><title>app</title><base href="/"><link rel="icon" href="data:,"></head><body><app-root></app-root></body></html>',
    'src/main.ts': main,
  };
}

/** Builds the application of a folder; returns the folder to serve. */
export function ngBuild(root) {
  const { status, stdout, stderr } = spawnSync('node', [ng, 'build'], { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  return join(root, 'dist/browser');
}
