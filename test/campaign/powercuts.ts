/**
 * Cuts the power of a file system while a flow runs on a store in it. The store lies in an ext4 image that is mounted
 * through a loop device; a cut is a copy of the image, taken while the process is stopped: just what a disk would hold.
 * After each cut the copy is mounted, and the store in it must be one that it was before: every record readable, every
 * artifact that a record refers to there and intact, and the run can be resumed to the result of a run that nobody cut.
 *
 * Every second cut first syncs the database's log, and that alone: the worst moment, in which records are durable and
 * everything else depends on having been synced before.
 *
 * `npx tsx test/campaign/powercuts.ts [cuts]` prints figures, and exits with 1 where something did not hold. It needs
 * root and loop devices.
 */
import { execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { Flow, Run, Storage, Verify } from "effect-flow"
import { CampaignFlow } from "./flow.ts"

const imageBytes = 48 * 1024 * 1024
const flowFile = join(import.meta.dirname, "flow.ts")

/** Journal commits every second, and no help for programs that forget to sync. */
const mountOptions = "loop,commit=1,noauto_da_alloc"

const command = (name: string, ...words: ReadonlyArray<string>): void =>
  void execFileSync(name, words, { stdio: ["ignore", "ignore", "pipe"] })

/** Why power cuts can't be made here; undefined if they can. */
export const whyNot = (): string | undefined => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it needs Linux and root"
  const directory = Fs.mkdtempSync(join(tmpdir(), "effect-flow-mount-"))
  try {
    const image = makeImage(directory, 0)
    const mount = join(directory, "mount")
    Fs.mkdirSync(mount)
    command("mount", "-o", mountOptions, image, mount)
    command("umount", mount)
    return undefined
  } catch (cause) {
    return `an ext4 image can't be mounted here (${cause instanceof Error ? cause.message.split("\n")[0] : cause})`
  } finally {
    Fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** A new image. Each has a file of its own: a loop device may let go of the one before a little late. */
const makeImage = (directory: string, number: number): string => {
  const image = join(directory, `disk${number}`)
  Fs.closeSync(Fs.openSync(image, "w"))
  Fs.truncateSync(image, imageBytes)
  command("mkfs.ext4", "-q", "-F", image)
  return image
}

/**
 * Copies the image until two copies in a row are equal: then nothing was written meanwhile, and the copy is of one
 * moment.
 */
const copyOf = (image: string, copy: string): void => {
  let before = Fs.readFileSync(image)
  for (let attempt = 0; attempt < 20; attempt++) {
    const after = Fs.readFileSync(image)
    if (before.equals(after)) break
    before = after
  }
  Fs.writeFileSync(copy, before)
}

const contentOf = (output: unknown): string =>
  JSON.stringify(output, (key, value) => (key === "writer" || key === "task" ? undefined : value))

/** What one cut left. */
interface Cut {
  readonly runs: number
  readonly tasks: number
  readonly artifacts: number
  readonly resumed: boolean
  readonly problems: ReadonlyArray<string>
}

/** Looks at the store of a copy as a user would after the machine is back. */
const inspect = (directory: string, seed: number, expected: string) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    const report = yield* Verify.check()
    for (const { message } of report.faults) problems.push(message)
    const runs = yield* Run.list({})
    let tasks = 0
    for (const run of runs) tasks += (yield* Run.tasks(run)).filter(({ status }) => status === "succeeded").length
    const [latest] = runs
    if (latest === undefined) return { runs: 0, tasks, artifacts: report.artifacts, resumed: false, problems }
    // The process is gone with the machine; its id may belong to another one by now.
    const again = yield* Effect.exit(Flow.resume(CampaignFlow, { origin: latest.id, evenIfRunning: true }))
    if (again._tag === "Failure") problems.push(`run ${latest.id} can't be resumed: ${String(again.cause)}`)
    else {
      const { output } = yield* Run.get(again.value.id)
      if (contentOf(output) !== expected) problems.push(`run ${latest.id} (seed ${seed}) has another result`)
    }
    return { runs: runs.length, tasks, artifacts: report.artifacts, resumed: true, problems } satisfies Cut
  }).pipe(
    Effect.provide(Storage.layerLocal({ directory })),
    Effect.provideService(Logger.CurrentLoggers, new Set()),
    Effect.catchCause((cause) =>
      Effect.succeed<Cut>({
        runs: 0,
        tasks: 0,
        artifacts: 0,
        resumed: false,
        problems: [`the store can't be read: ${String(cause)}`]
      })
    )
  )

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Makes so many cuts, several during each run, and one after its end. */
export const campaign = async (cuts: number) => {
  const directory = Fs.mkdtempSync(join(tmpdir(), "effect-flow-cuts-"))
  const [mount, copyMount] = [join(directory, "mount"), join(directory, "copy-mount")]
  Fs.mkdirSync(mount)
  Fs.mkdirSync(copyMount)
  const tally = { cuts: 0, beforeFirstRun: 0, atTheEnd: 0, runs: 0, tasks: 0, artifacts: 0, resumed: 0 }
  const problems: Array<string> = []
  try {
    for (let seed = 1; tally.cuts < cuts; seed++) {
      const image = makeImage(directory, seed)
      const expected = contentOf(
        await Effect.runPromise(
          Effect.andThen(Flow.run(CampaignFlow, { seed }), Run.get("latest")).pipe(
            Effect.map(({ output }) => output),
            Effect.provide(Storage.layerMemory),
            Effect.provideService(Logger.CurrentLoggers, new Set())
          )
        )
      )
      command("mount", "-o", mountOptions, image, mount)
      const store = join(mount, "store")
      const child = spawn(
        process.execPath,
        ["--conditions=effect-flow-source", flowFile, "run", "--seed", String(seed), "--directory", store],
        { stdio: "ignore", env: { ...process.env, CAMPAIGN_PAUSE: "20" } }
      )
      let over = false
      const ended = new Promise<void>((resolve) =>
        child.on("close", () => {
          over = true
          resolve()
        })
      )
      while (!over && !Fs.existsSync(join(store, "runs.sqlite"))) await pause(5)
      for (let last = false; !last && tally.cuts < cuts; ) {
        await Promise.race([pause(10 + Math.random() * 120), ended])
        last = over
        if (!over) child.kill("SIGSTOP")
        const log = join(store, "runs.sqlite-wal")
        if (tally.cuts % 2 === 1 && Fs.existsSync(log)) {
          const file = Fs.openSync(log, "r+")
          Fs.fsyncSync(file)
          Fs.closeSync(file)
        }
        tally.cuts++
        const copy = join(directory, `copy${tally.cuts}`)
        copyOf(image, copy)
        if (!over) child.kill("SIGCONT")
        if (last) tally.atTheEnd++
        command("mount", "-o", "loop", copy, copyMount)
        try {
          if (!Fs.existsSync(join(copyMount, "store", "runs.sqlite"))) {
            tally.beforeFirstRun++
            continue
          }
          const cut = await Effect.runPromise(inspect(join(copyMount, "store"), seed, expected))
          tally.runs += cut.runs
          tally.tasks += cut.tasks
          tally.artifacts += cut.artifacts
          if (cut.resumed) tally.resumed++
          problems.push(...cut.problems.map((problem) => `cut ${tally.cuts}: ${problem}`))
        } finally {
          command("umount", copyMount)
          Fs.rmSync(copy)
        }
      }
      child.kill("SIGKILL")
      child.kill("SIGCONT")
      await ended
      command("umount", mount)
      Fs.rmSync(image)
    }
  } finally {
    for (const path of [copyMount, mount]) {
      try {
        command("umount", "-l", path)
      } catch {
        // It is not mounted.
      }
    }
    Fs.rmSync(directory, { recursive: true, force: true })
  }
  return { tally, problems }
}

if (process.argv[1] === import.meta.filename) {
  const cuts = Number(process.argv[2] ?? 60)
  const reason = whyNot()
  if (reason !== undefined) {
    console.log(`Skipped: ${reason}.`)
    process.exit(0)
  }
  const began = performance.now()
  const { problems, tally } = await campaign(cuts)
  console.log(
    `power cuts            ${tally.cuts} (${tally.beforeFirstRun} before there was a store, ${tally.atTheEnd} after the end of a run)`
  )
  console.log(
    `found after them      ${tally.runs} runs, ${tally.tasks} finished tasks, ${tally.artifacts} intact artifacts`
  )
  console.log(`resumed               ${tally.resumed}, each to the result of a run that nobody cut`)
  console.log(`time                  ${((performance.now() - began) / 1000).toFixed(1)} s`)
  console.log(problems.length === 0 ? "all held" : problems.slice(0, 20).join("\n"))
  process.exit(problems.length === 0 ? 0 : 1)
}
