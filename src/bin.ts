#!/usr/bin/env node
/** The package's own command line: the verbs of `FlowCli`, for any store, and for any flow with `--module`. */
import { start } from "./internal/cli/main.ts"

void start(undefined)
