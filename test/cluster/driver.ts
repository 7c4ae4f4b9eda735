/** A program that drives a run on a cluster, as a process of its own, for the cluster's tests. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import { RunObserver } from "../../src/RunObserver.ts"
import * as Storage from "../../src/Storage.ts"
import type * as Deployed from "../executor/flows.ts"
import { lockExpiration } from "./timing.ts"

const {
  blobs,
  database,
  parameters,
  secret,
  version,
  isLocal,
  lockExpiration: expiration = lockExpiration
} = JSON.parse(process.argv[2] ?? "{}")
const module = new URL("../executor/flows.ts", import.meta.url)
if (version !== undefined) module.searchParams.set("version", version)
const Flows: typeof Deployed = await import(module.href)

Flow.run(Flows.CountedFlow, parameters).pipe(
  Effect.flatMap(({ output }) => Console.log(`result ${JSON.stringify(output)}`)),
  Effect.provideService(RunObserver, (event) => {
    if (event._tag === "RunStarted") console.log(`run ${event.run.id}`)
    if (event._tag === "TaskFinished") console.log(`finished ${event.task.id}`)
  }),
  Effect.provide([
    Storage.layerPostgres({ url: database, blobs }),
    isLocal === true
      ? Executor.layerFibers()
      : Executor.layerCluster({
          url: database,
          lockExpiration: expiration,
          ...(secret === undefined ? {} : { secret })
        })
  ]),
  NodeRuntime.runMain
)
