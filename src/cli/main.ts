#!/usr/bin/env node
/** Entry of the `podwright` command. */
import { processIo } from './io.js';
import { main } from './program.js';

// A reader that closes the pipe early (`podwright report … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), processIo());
