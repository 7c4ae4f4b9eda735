#!/usr/bin/env node
/** The package's own command line: the verbs of `FlowCli`, for any store, and for any flow with `--module`. */
import { keepCompiledCode } from "./internal/cli/compileCache.ts"

keepCompiledCode()

try {
  await import("./internal/requirements.ts")
  const { start } = await import("./internal/cli/main.ts")
  start(undefined)
} catch (error) {
  const missing = /Cannot find package '((?:@[^/']+\/)?[^/']+)/.exec(error instanceof Error ? error.message : "")?.[1]
  if (missing === undefined) throw error
  process.stderr.write(
    `effect-flow needs ${missing} beside it, and it is not installed: run \`npm install ${missing}\`.\n`
  )
  process.exit(1)
}
