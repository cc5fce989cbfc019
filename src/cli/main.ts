#!/usr/bin/env node
/**
 * Starts the command line: the bundle that the package build made of it, or its modules where there is none.
 *
 * What the bundle compiled to is kept as V8's code cache: see docs/decisions/start-up.md.
 */
import { runBundle } from "./bundle.ts";

if (!(await runBundle(process.argv[2]))) await (await import("./command-line.ts")).runCommandLine();
