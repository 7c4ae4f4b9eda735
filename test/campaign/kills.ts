/**
 * Kills a run at random moments, with `kill -9`, and resumes it: the result must be that of a run that nobody killed, no
 * task that had finished may be executed again, and every file in the store must hold what its name says.
 *
 * `npx tsx test/campaign/kills.ts [kills]` prints figures, and exits with 1 where something did not hold.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { Flow, Run, Storage } from "../../src/index.ts"
import { CampaignFlow } from "./flow.ts"

const kills = Number(process.argv[2] ?? 100)
const flowFile = join(import.meta.dirname, "flow.ts")
const directory = mkdtempSync(join(tmpdir(), "effect-flow-kills-"))
const store = Storage.layerLocal({ directory })

/** Runs words of the command line; kills the process some milliseconds after it has said that its run started. */
const killed = (words: ReadonlyArray<string>, after: number) =>
  new Promise<{ readonly run: string | undefined; readonly ended: boolean }>((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", flowFile, ...words, "--directory", directory], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    let timer: NodeJS.Timeout | undefined
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      if (timer === undefined && / run [0-9a-z]{26}/.test(said)) timer = setTimeout(() => child.kill("SIGKILL"), after)
    })
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ run: / run ([0-9a-z]{26})/.exec(said)?.[1], ended: code === 0 })
    })
  })

const problems: Array<string> = []
const check = (holds: boolean, problem: string) => {
  if (!holds) problems.push(problem)
}

/** Files whose contents are not what they are named after. */
const altered = (): number => {
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
  }).pipe(Effect.provide(store))

const contentOf = (output: unknown): string =>
  JSON.stringify(output, (key, value) => (key === "writer" || key === "task" ? undefined : value))

const campaign = Effect.gen(function* () {
  const began = performance.now()
  const tally = { kills: 0, missed: 0, finished: 0, takenOver: 0, executed: 0 }
  const statuses = new Map<string, number>()
  for (let seed = 1; tally.kills < kills; seed++) {
    let words: ReadonlyArray<string> = ["run", "--seed", String(seed)]
    let last: string | undefined
    const chain: Array<Records> = []
    // A run may be killed several times in a row before it may end.
    const times = 1 + (seed % 3)
    for (let time = 0; time < times && tally.kills < kills; time++) {
      const { ended, run } = yield* Effect.promise(() => killed(words, Math.random() * 220))
      if (ended || run === undefined) {
        tally.missed++
        break
      }
      tally.kills++
      const after = yield* recordsOf(run)
      statuses.set(after.status, (statuses.get(after.status) ?? 0) + 1)
      checkTasks(chain, after, tally)
      chain.push(after)
      last = run
      words = ["resume", run]
    }
    if (last === undefined) continue
    const { id } = yield* Effect.provide(Flow.resume(CampaignFlow, { origin: last }), store)
    const after = yield* recordsOf(id)
    checkTasks(chain, after, tally)
    check(after.run.status === "succeeded", `run ${id} is ${after.run.status}`)
    const expected = yield* Effect.provide(
      Effect.andThen(Flow.run(CampaignFlow, { seed }), Run.get("latest")),
      Storage.layerMemory
    )
    check(contentOf(after.run.output) === contentOf(expected.output), `run ${id} (seed ${seed}) has another result`)
  }
  const broken = altered()
  check(broken === 0, `${broken} files are not what their names say`)
  console.log(`kills                 ${tally.kills} (${tally.missed} came too late)`)
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
  () => {
    rmSync(directory, { recursive: true, force: true })
    process.exit(problems.length === 0 ? 0 : 1)
  },
  (error) => {
    console.error(error)
    process.exit(1)
  }
)
