#!/usr/bin/env node
// The command: passes everything on to the program.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { binary } from './binary.js';

try {
  const child = spawn(binary(), process.argv.slice(2), { stdio: 'inherit' });
  // The program gets the signals of a terminal itself; others are passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', fails);
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
} catch (error) {
  fails(error);
}

function fails(error) {
  console.error(`error: ${error.message}`);
  process.exit(1);
}
