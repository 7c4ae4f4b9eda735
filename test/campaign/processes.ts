/**
 * Eight processes run flows on one local store at once, with `runs`, `logs --follow` and `gc` beside them: nothing may be
 * lost, and no lock may show.
 *
 * `npx tsx test/campaign/processes.ts [processes] [runs of each | minutes]` prints figures, and exits with 1 where something
 * did not hold: `16 10m` starts runs in 16 processes for ten minutes.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { Run, Storage } from "../../src/index.ts"

const processes = Number(process.argv[2] ?? 8)
const [, minutes] = /^([\d.]+)m$/.exec(process.argv[3] ?? "") ?? []
const rounds = minutes === undefined ? Number(process.argv[3] ?? 3) : Number.POSITIVE_INFINITY
const lastStart = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(minutes) * 60_000
const size = 400
const flowFile = join(import.meta.dirname, "flow.ts")
const directory = mkdtempSync(join(tmpdir(), "effect-flow-processes-"))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const line = (...words: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", flowFile, ...words, "--directory", directory], {
      env: { ...process.env, CAMPAIGN_PAUSE: "0" },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let [stdout, stderr] = ["", ""]
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  })

const problems: Array<string> = []
const expectSuccess = (what: string, { code, stderr }: Ended) => {
  if (code !== 0 || /lock|busy/i.test(stderr)) problems.push(`${what} ended with ${code}:\n${stderr.slice(-500)}`)
}

let over = false
const beside = { runs: 0, logs: 0, gc: 0, lines: 0 }

/** Runs words again and again until the runs are over. */
const again = async (what: "runs" | "logs" | "gc", ...words: ReadonlyArray<string>) => {
  while (!over) {
    const ended = await line(...words)
    // Before the first run there is no store to read.
    if (/There is no (store|run)/.test(ended.stderr)) continue
    expectSuccess(words.join(" "), ended)
    beside[what]++
    if (what === "logs") beside.lines += ended.stdout.split("\n").length - 1
  }
}

let started = 0
const began = performance.now()
const runners = Array.from({ length: processes }, async (_, index) => {
  for (let round = 0; round < rounds && performance.now() < lastStart; round++) {
    started++
    const words = ["--seed", String(index * 1000 + round), "--size", String(size), "--tag", "keep"]
    expectSuccess(`process ${index}, run ${round}`, await line(...words))
  }
})
const others = [again("runs", "runs"), again("logs", "logs", "--follow"), again("gc", "gc", "--keep-tag", "keep")]
await Promise.all(runners)
over = true
await Promise.all(others)
const seconds = (performance.now() - began) / 1000

const perRun = 1 + size + 6 + 1
const counted = await Effect.runPromise(
  Effect.gen(function* () {
    const runs = yield* Run.list({ tags: ["keep"] })
    let [tasks, lines] = [0, 0]
    for (const run of runs) {
      if (run.status !== "succeeded") problems.push(`run ${run.id} is ${run.status}`)
      const done = (yield* Run.tasks(run)).filter((task) => task.status === "succeeded").length
      if (done !== perRun) problems.push(`run ${run.id} has ${done} tasks and not ${perRun}`)
      const logged = (yield* Run.logs(run)).length
      if (logged !== size + 1) problems.push(`run ${run.id} has ${logged} lines and not ${size + 1}`)
      tasks += done
      lines += logged
    }
    return { runs: runs.length, tasks, lines }
  }).pipe(Effect.provide(Storage.layerLocal({ directory })))
)
if (counted.runs !== started) problems.push(`there are ${counted.runs} runs and not ${started}`)
rmSync(directory, { recursive: true, force: true })

console.log(`processes             ${processes} at once, ${started} runs`)
console.log(`kept                  ${counted.runs} runs, ${counted.tasks} tasks, ${counted.lines} lines`)
console.log(
  `beside                ${beside.runs} × runs, ${beside.logs} × logs --follow (${beside.lines} lines), ${beside.gc} × gc`
)
console.log(`time                  ${seconds.toFixed(1)} s`)
console.log(problems.length === 0 ? "all held" : problems.slice(0, 20).join("\n"))
process.exit(problems.length === 0 ? 0 : 1)
