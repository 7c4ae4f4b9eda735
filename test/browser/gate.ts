/**
 * A gate at which a flow in a process of its own waits until a test opens it. However slow the machine is, the run is
 * not over before the test has seen on the page what it wants to see.
 */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { temporaryDirectory } from "../support/directory.ts"

const variable = "EFFECT_FLOW_TEST_GATE"
const file = process.env[variable]

/** Waits until the gate is open. There is none in most runs. */
export const passed: Effect.Effect<void> =
  file === undefined ? Effect.void : Effect.sleep(20).pipe(Effect.repeat({ until: () => existsSync(file) }))

/** Makes a gate: what a process needs in its environment to wait at it, and what opens it. */
export const make = Effect.map(temporaryDirectory, (directory) => {
  const path = join(directory, "open")
  return { environment: { [variable]: path }, open: () => writeFileSync(path, "") }
})
