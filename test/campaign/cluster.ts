/**
 * A cluster under fire: runs are driven by processes of their own while, at a random moment of each, a worker is killed, a
 * driver is killed, a worker is told to stop, or Postgres restarts. Every run must succeed with the right result, and no
 * task that had finished may be executed again.
 *
 * `npx tsx test/campaign/cluster.ts [rounds]` prints figures, and exits with 1 where something did not hold. It needs the
 * binaries of a Postgres.
 */
import { join } from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { RunStore } from "../../src/RunStore.ts"
import { beginnings, indexOf } from "../cluster/counted.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import * as Setting from "../cluster/setting.ts"

const rounds = Number(process.argv[2] ?? 20)
const count = 20
const acts = ["kill a worker", "kill the driver", "kill both", "stop a worker", "restart Postgres"] as const

const problems: Array<string> = []
const check = (holds: boolean, what: string): void => {
  if (!holds) problems.push(what)
}

const program = Effect.gen(function* () {
  const { directory, options, postgres, workers: first } = yield* Setting.Setting
  const store = yield* RunStore
  let workers = [...first]

  for (let round = 1; round <= rounds; round++) {
    const act = acts[(round - 1) % acts.length] ?? "kill a worker"
    const file = join(directory, `counted-${round}`)
    const driver = yield* Processes.start("./driver.ts", {
      ...options,
      parameters: { count, milliseconds: 120, file }
    })
    yield* driver.prints(`finished counted/${1 + Math.floor(Math.random() * (count - 4))}`)
    yield* Effect.sleep(Math.random() * 120)
    const id = /run (\S+)/.exec(driver.output())?.[1] ?? ""
    const before = yield* store.tasks({ run: id, status: "succeeded" })
    const start = performance.now()
    const [victim, ...others] = workers
    const dead = new Set<number>()
    const fall = Effect.fnUntraced(function* (signal: NodeJS.Signals) {
      if (victim === undefined) return
      dead.add(victim.child.pid ?? 0)
      yield* victim.kill(signal)
      workers = [...others, yield* Processes.worker(options)]
    })
    if (act === "kill the driver" || act === "kill both") yield* driver.kill("SIGKILL")
    if (act === "kill a worker" || act === "kill both") yield* fall("SIGKILL")
    if (act === "stop a worker") yield* fall("SIGTERM")
    if (act === "restart Postgres") yield* Effect.andThen(postgres.stop, postgres.start)

    let run = (yield* store.runs({ idPrefix: id, limit: 1 }))[0]
    while (run?.status === "running" && performance.now() - start < 120_000) {
      yield* Effect.sleep(200)
      run = (yield* store.runs({ idPrefix: id, limit: 1 }))[0]
    }
    const took = performance.now() - start
    const where = `round ${round} (${act}, run ${id})`
    check(run?.status === "succeeded", `${where}: it ended as ${run?.status}: ${run?.error?.message}`)
    check(JSON.stringify(run?.output) === JSON.stringify({ sum: (count * (count - 1)) / 2 }), `${where}: wrong result`)
    const tasks = yield* store.tasks({ run: id, refs: false })
    check(tasks.length === count + 1, `${where}: ${tasks.length} tasks`)
    check(
      tasks.every(({ status }) => status === "succeeded"),
      `${where}: a task did not succeed`
    )
    const begun = beginnings(file)
    for (const task of before) {
      const index = indexOf(task)
      const times = index === undefined ? 1 : begun.get(index)?.length
      check(times === 1, `${where}: ${task.id} had finished, and began ${times} times`)
    }
    const again = [...begun].filter(([, pids]) => pids.length > 1)
    for (const [index, [one]] of again) {
      const excused = act === "restart Postgres" || dead.has(one ?? 0)
      check(excused && act !== "stop a worker", `${where}: task ${index} was begun again though its worker lived`)
    }
    console.log(
      `${where}: ${before.length} had finished, ${again.length} began again, ended after ${(took / 1000).toFixed(1)} s`
    )
  }
}).pipe(Effect.provide([Setting.layer(3), Logger.layer([])]), Effect.scoped)

if (Postgres.binaries !== undefined) {
  NodeRuntime.runMain(
    Effect.tap(program, () =>
      Effect.sync(() => {
        for (const problem of problems) console.error(problem)
        console.log(problems.length === 0 ? `${rounds} rounds held.` : `${problems.length} problems.`)
        if (problems.length > 0) process.exitCode = 1
      })
    )
  )
}
