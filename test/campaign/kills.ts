/**
 * Kills a run at random moments, with `kill -9`, and resumes it: the result must be that of a run that nobody killed, no
 * task that had finished may be executed again, and every file in the store must hold what its name says.
 *
 * `npx tsx --conditions=effect-flow-source test/campaign/kills.ts [kills] [stores]` prints figures, and exits with 1 where
 * something did not hold. It works on several stores at once, each with one run at a time. The processes that it kills are
 * started as it is: with `node test/campaign/kills.ts` they run the built library, and start in a third of the time.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { Flow, Run, Storage } from "effect-flow"
import { temporaryDirectory } from "../support/directory.ts"
import { CampaignFlow } from "./flow.ts"

const kills = Number(process.argv[2] ?? 100)
const flowFile = join(import.meta.dirname, "flow.ts")
const stores = Number(process.argv[3] ?? 1)
/**
 * A process is killed within so many milliseconds of its run's start. It follows the speed of the machine, so that kills fall
 * anywhere between a run's start and its end: it grows with each kill, and shrinks with each process that had ended before.
 */
let windowMs = 1000

/** Runs words of the command line; kills the process some milliseconds after it has said that its run started. */
const killed = (directory: string, words: ReadonlyArray<string>, after: number) =>
  new Promise<{ readonly run: string | undefined; readonly ended: boolean }>((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, flowFile, ...words, "--directory", directory], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    let timer: NodeJS.Timeout | undefined
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      if (timer === undefined && / run [0-9a-z]{26}/.test(said)) timer = setTimeout(() => child.kill("SIGKILL"), after)
    })
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      check(code === 0 || signal === "SIGKILL", `${words.join(" ")} ended with ${code ?? signal}: ${said}`)
      resolve({ run: / run ([0-9a-z]{26})/.exec(said)?.[1], ended: signal !== "SIGKILL" })
    })
  })

const problems: Array<string> = []
const check = (holds: boolean, problem: string) => {
  if (!holds) problems.push(problem)
}

/** Files whose contents are not what they are named after. */
const altered = (directory: string): number => {
  let count = 0
  for (const entry of readdirSync(join(directory, "blobs"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^[0-9a-f]{64}$/.test(entry.name)) continue
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    if (createHash("sha256").update(bytes).digest("hex") !== entry.name) count++
  }
  return count
}

/** A run's records, and what its body yielded, by content. */
const recordsOf = (id: string) =>
  Effect.gen(function* () {
    const run = yield* Run.get(id)
    return { run, status: yield* Run.status(run), tasks: yield* Run.tasks(run) }
  })

const contentOf = (output: unknown): string =>
  JSON.stringify(output, (key, value) => (key === "writer" || key === "task" ? undefined : value))

const tally = { kills: 0, missed: 0, finished: 0, takenOver: 0, executed: 0 }
const statuses = new Map<string, number>()
let begun = 0
let lastSeed = 0

/** Kills and resumes runs in one store until all of them together have killed enough. */
const inStore = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const store = Storage.layerLocal({ directory })
  while (tally.kills < kills) {
    const seed = ++lastSeed
    let words: ReadonlyArray<string> = ["run", "--seed", String(seed)]
    let last: string | undefined
    const chain: Array<Records> = []
    // A run may be killed several times in a row before it may end.
    const times = 1 + (seed % 3)
    for (let time = 0; time < times && begun < kills; time++) {
      begun++
      const { ended, run } = yield* Effect.promise(() => killed(directory, words, Math.random() * windowMs))
      if (ended || run === undefined) {
        begun--
        tally.missed++
        windowMs *= 0.8
        break
      }
      tally.kills++
      if (tally.kills % 100 === 0) console.error(`${tally.kills} kills, ${problems.length} problems`)
      windowMs *= 1.04
      const after = yield* Effect.provide(recordsOf(run), store)
      statuses.set(after.status, (statuses.get(after.status) ?? 0) + 1)
      checkTasks(chain, after, tally)
      chain.push(after)
      last = run
      words = ["resume", run]
    }
    if (last === undefined) {
      if (begun >= kills) break
      continue
    }
    const after = yield* Flow.resume(CampaignFlow, { origin: last }).pipe(
      Effect.flatMap(({ id }) => recordsOf(id)),
      Effect.provide(store)
    )
    checkTasks(chain, after, tally)
    check(after.run.status === "succeeded", `run ${after.run.id} is ${after.run.status}`)
    const expected = yield* Effect.provide(
      Effect.andThen(Flow.run(CampaignFlow, { seed }), Run.get("latest")),
      Storage.layerMemory
    )
    check(
      contentOf(after.run.output) === contentOf(expected.output),
      `run ${after.run.id} (seed ${seed}) has another result`
    )
  }
  const broken = altered(directory)
  check(broken === 0, `${broken} files are not what their names say`)
}).pipe(Effect.scoped)

const campaign = Effect.gen(function* () {
  const began = performance.now()
  yield* Effect.all(
    Array.from({ length: stores }, () => inStore),
    { concurrency: "unbounded", discard: true }
  )
  console.log(`kills                 ${tally.kills} in ${stores} stores (${tally.missed} came too late)`)
  console.log(`shown after a kill    ${[...statuses].map(([status, count]) => `${count} ${status}`).join(", ")}`)
  console.log(
    `tasks finished        ${tally.finished} before a kill; ${tally.takenOver} of them taken over, the others not reached again`
  )
  console.log(`tasks executed anew   ${tally.executed}`)
  console.log(`time                  ${((performance.now() - began) / 1000).toFixed(1)} s`)
  console.log(problems.length === 0 ? "all held" : problems.slice(0, 20).join("\n"))
})

type Records = Effect.Success<ReturnType<typeof recordsOf>>

/**
 * What had finished in the runs that this one goes back to must have been taken over, once, as far as it came: a run that was
 * killed before it had taken everything over hides nothing of what its own origin had.
 */
const checkTasks = (
  chain: ReadonlyArray<Records>,
  after: Records,
  tally: { finished: number; takenOver: number; executed: number }
) => {
  if (chain.length === 0) return
  const finished = new Map<string, Set<string>>() // the tasks that really ran, by key
  for (const task of chain.flatMap(({ tasks }) => tasks)) {
    if (task.status !== "succeeded") continue
    const ran = finished.get(task.key) ?? new Set<string>()
    finished.set(task.key, ran.add(task.source ?? `${task.run}/${task.id}`))
  }
  for (const ran of finished.values()) tally.finished += ran.size
  for (const task of after.tasks) {
    const left = finished.get(task.key)
    if (task.how === "takenOver") {
      check(left?.delete(task.source ?? "") === true, `${task.run}/${task.id} was taken over from nowhere`)
      tally.takenOver++
    } else {
      check((left?.size ?? 0) === 0, `${task.run}/${task.id} was executed again though it had finished`)
      tally.executed++
    }
  }
}

Effect.runPromise(Effect.provideService(campaign, Logger.CurrentLoggers, new Set())).then(
  () => process.exit(problems.length === 0 ? 0 : 1),
  (error) => {
    console.error(error)
    process.exit(1)
  }
)
