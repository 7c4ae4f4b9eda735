/**
 * Kills trainings at random moments, with `kill -9`, and resumes them, on fibers and on threads: each must continue from
 * its last epoch, and end with the same bits as one that nobody killed.
 *
 * `npx tsx test/campaign/training.ts [kills] [fibers|threads]` prints figures, and exits with 1 where something did not hold.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { Flow, type Ref, Run, RunStore, Storage } from "../../src/index.ts"
import { TrainingFlow } from "./trainingFlow.ts"

const flowFile = join(import.meta.dirname, "trainingFlow.ts")

/** Runs words of the command line, and kills the process some milliseconds after it has logged so many epochs. */
const killed = (words: ReadonlyArray<string>, afterEpochs: number, afterMs: number) =>
  new Promise<{ readonly run: string | undefined; readonly ended: boolean }>((resolve) => {
    const child = spawn(process.execPath, [flowFile, ...words], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    let timer: NodeJS.Timeout | undefined
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      const epochs = said.match(/epoch \d+\/\d+ loss/g)?.length ?? 0
      if (timer === undefined && epochs >= afterEpochs) timer = setTimeout(() => child.kill("SIGKILL"), afterMs)
    })
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ run: / run ([0-9a-z]{26})/.exec(said)?.[1], ended: code === 0 })
    })
  })

/** Digests of what a run's flow yielded. */
const digestsOf = (output: { readonly [name: string]: Ref.Ref<unknown> }) =>
  Object.entries(output).map(([name, { digest }]) => `${name} ${digest}`)

/** The epochs that a run's tasks logged, and the checkpoints that they began with. */
const linesOf = (run: string) =>
  Effect.map(
    Effect.flatMap(RunStore.RunStore, (store) => store.logs({ run })),
    (lines) => ({
      epochs: lines.filter(({ message }) => /^epoch /.test(message)).length,
      continued: lines.filter(({ message }) => /from its checkpoint/.test(message)).length
    })
  )

export const campaign = (kills: number, executor: "fibers" | "threads", epochs: number, random: () => number) =>
  Effect.gen(function* () {
    const tally = { kills: 0, missed: 0, runs: 0, continued: 0, again: 0 }
    const problems: Array<string> = []
    const undisturbed = yield* Effect.provide(Flow.run(TrainingFlow, { epochs }), Storage.layerMemory)
    const expected = digestsOf(undisturbed.output)
    while (tally.kills < kills) {
      const directory = mkdtempSync(join(tmpdir(), "effect-flow-training-"))
      const flags = ["--directory", directory, "--executor", executor]
      let words: ReadonlyArray<string> = ["run", "--epochs", String(epochs)]
      const chain: Array<string> = []
      // A training may be killed several times in a row before it may end.
      const times = 1 + Math.floor(random() * 3)
      for (let time = 0; time < times && tally.kills < kills; time++) {
        const { ended, run } = yield* Effect.promise(() =>
          killed([...words, ...flags], Math.floor(random() * epochs * 1.5), random() * 60)
        )
        if (run === undefined || ended) {
          tally.missed++
          break
        }
        tally.kills++
        chain.push(run)
        words = ["resume", run]
      }
      const origin = chain.at(-1)
      if (origin !== undefined) {
        tally.runs++
        yield* Effect.gen(function* () {
          // Another process resumes it, in the way the first one was started: a checkpoint of other code would not be used.
          const { ended, run: id = "" } = yield* Effect.promise(() => killed([...words, ...flags], Infinity, 0))
          if (!ended) return void problems.push(`the resume of run ${origin} failed`)
          const digests = digestsOf((yield* Run.output(id, TrainingFlow)) ?? {})
          if (digests.join() !== expected.join()) problems.push(`run ${id} has another result:\n${digests.join("\n")}`)
          let trained = 0
          for (const run of [...chain, id]) {
            const { continued, epochs } = yield* linesOf(run)
            tally.continued += continued
            trained += epochs
          }
          // Of the epochs that were logged before a kill, at most the last one was not saved.
          tally.again += Math.max(0, trained - 2 * epochs)
          if (trained > 2 * epochs + chain.length)
            problems.push(`run ${id} trained ${trained - 2 * epochs} epochs again`)
        }).pipe(Effect.provide(Storage.layerLocal({ directory })))
      }
      rmSync(directory, { recursive: true, force: true })
    }
    return { tally, problems }
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))

if (process.argv[1] === import.meta.filename) {
  const kills = Number(process.argv[2] ?? 20)
  const problems: Array<string> = []
  for (const executor of process.argv[3] === undefined
    ? (["fibers", "threads"] as const)
    : [process.argv[3] as "threads"]) {
    const began = performance.now()
    const result = await Effect.runPromise(campaign(kills, executor, 12, Math.random))
    const { again, continued, missed, runs, ...tally } = result.tally
    problems.push(...result.problems)
    console.log(`kills on ${executor.padEnd(13)}${tally.kills} of ${runs} runs (${missed} came too late)`)
    console.log(`continued trainings   ${continued}, ${again} epochs trained again`)
    console.log(`time                  ${((performance.now() - began) / 1000).toFixed(1)} s`)
  }
  console.log(problems.length === 0 ? "all held" : problems.slice(0, 20).join("\n"))
  process.exit(problems.length === 0 ? 0 : 1)
}
