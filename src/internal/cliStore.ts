/** Opens the store that a verb works on. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { StoreError } from "../RunStore.ts"
import { type Chosen, type Cli, command, Exit, exitCodes, type Stores } from "./cli.ts"

/** The layer, loaded when a verb needs it: help needs no database. */
const layer = ({ directory }: Chosen) =>
  Effect.map(
    Effect.promise(() => import("../Storage.ts")),
    (Storage) => Storage.layerLocal({ directory })
  )

/** With the store, made where it is missing. */
export const withStore = <A, E, R>(chosen: Chosen, effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(layer(chosen), (layer) => Effect.provide(effect, layer))

/** With a store that must be there: reading makes none. */
export const withExistingStore = <A, E>(cli: Cli, chosen: Chosen, effect: Effect.Effect<A, E, Stores>) =>
  Effect.suspend(
    (): Effect.Effect<A, E | Exit | StoreError> =>
      existsSync(join(chosen.directory, "runs.sqlite"))
        ? withStore(chosen, effect)
        : Effect.fail(
            new Exit({
              code: exitCodes.failed,
              message: `There is no store in ${chosen.directory}: no flow has run with it. ${
                cli.subject === undefined
                  ? "Name the directory of one with --directory."
                  : `Run the flow first (${command(cli, chosen, "run")}), or name another directory with --directory.`
              }`
            })
          )
  )
