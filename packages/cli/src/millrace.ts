#!/usr/bin/env node
import { runCommandLine } from './command-line.ts'

// What an application leaves open must not keep a finished command alive.
process.exit(await runCommandLine(process.argv.slice(2)))
