/**
 * Flips bits of a store and cuts its files short, thousands of times. A reader must get the right bytes or a typed
 * error, never other bytes, a crash or a hang; and once the right bytes are put again, every reader gets them.
 *
 * Three kinds of places are hit: the files of large artifacts, the bytes of small ones in the database, and the
 * database file itself. SQLite has no checksums, so a flip in the last may change a record; an artifact read through it
 * must still be right or refused.
 *
 * `npx tsx test/campaign/flips.ts [flips]` prints figures, and exits with 1 where something did not hold.
 */
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { ArtifactStore, Run, RunStore, Storage } from "../../src/index.ts"
import * as Digest from "../../src/internal/schema/digest.ts"
import { putRun, putTask, ref, run, task } from "../conformance/records.ts"

/** Numbers that are the same in every campaign. */
const randomly = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const count = 4
const bytesOf = (kind: "large" | "small", n: number): Uint8Array => {
  const bytes = new Uint8Array(kind === "large" ? 70_000 + n : 900 + n)
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + n * 7) % 251
  return bytes
}

type Kind = "large" | "small"
const artifacts: ReadonlyArray<{ readonly kind: Kind; readonly bytes: Uint8Array; readonly digest: string }> = (
  ["large", "small"] as const
).flatMap((kind) =>
  Array.from({ length: count }, (_, n) => {
    const bytes = bytesOf(kind, n)
    return { kind, bytes, digest: Digest.ofChunks([bytes]) }
  })
)

const put = Effect.gen(function* () {
  const store = yield* ArtifactStore.ArtifactStore
  for (const { bytes } of artifacts) yield* store.put([bytes])
})

/** Whether a result is the right bytes or a typed error. */
const isRight = (exit: Exit.Exit<Uint8Array, { readonly _tag: string }>, bytes: Uint8Array): string | undefined => {
  if (Exit.isSuccess(exit)) return Buffer.from(exit.value).equals(bytes) ? undefined : "other bytes, without a word"
  return exit.cause.reasons.every((reason) => reason._tag === "Fail") ? undefined : `a defect: ${String(exit.cause)}`
}

/** Makes so many flips and cuts. */
export const campaign = async (flips: number, seed = 1) => {
  const directory = Fs.mkdtempSync(join(tmpdir(), "effect-flow-flips-"))
  const random = randomly(seed)
  const problems: Array<string> = []
  const tally = { files: 0, rows: 0, database: 0, refused: 0, right: 0, healed: 0, opened: 0, notOpened: 0 }
  const layer = (readOnly: boolean) => Storage.layerLocal({ directory, readOnly, valueBytes: 0 })
  const quietly = <A, E>(effect: Effect.Effect<A, E>): Promise<A> =>
    Effect.runPromise(Effect.provideService(effect, Logger.CurrentLoggers, new Set()))

  const damageFile = (path: string): void => {
    Fs.chmodSync(path, 0o644)
    const { size } = Fs.statSync(path)
    if (random(4) === 0) {
      Fs.truncateSync(path, random(size))
      return
    }
    const bytes = Fs.readFileSync(path)
    const at = random(size)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
    const file = Fs.openSync(path, "r+")
    Fs.writeSync(file, bytes, at, 1, at)
    Fs.closeSync(file)
  }

  const read = (digest: string) =>
    Effect.flatMap(ArtifactStore.ArtifactStore, (store) => {
      switch (random(3)) {
        case 0:
          return store.get(digest)
        case 1:
          return Effect.map(Stream.runCollect(store.stream(digest)), (parts) => Buffer.concat([...parts]))
        default:
          return Effect.map(store.path(digest), (path) => Fs.readFileSync(path))
      }
    })

  const check = (what: string, exit: Exit.Exit<Uint8Array, { readonly _tag: string }>, bytes: Uint8Array): void => {
    const wrong = isRight(exit, bytes)
    if (wrong !== undefined) problems.push(`${what}: ${wrong}`)
    else if (Exit.isSuccess(exit)) tally.right++
    else tally.refused++
  }

  try {
    await quietly(
      Effect.gen(function* () {
        yield* put
        const runs = yield* RunStore.RunStore
        for (let n = 0; n < 20; n++)
          yield* runs.write([
            putRun(run(`run${n}`, { status: "succeeded" })),
            putTask(task(`run${n}`, 1, { outputs: artifacts.map(({ digest }) => ref("x", digest)) }))
          ])
      }).pipe(Effect.provide(layer(false)))
    )
    const sound = Fs.readFileSync(join(directory, "runs.sqlite"))

    // The first two kinds share one open store, as readers of a long-lived process do.
    const perKind = Math.ceil(flips / 3)
    await quietly(
      Effect.gen(function* () {
        for (let n = 0; n < perKind * 2; n++) {
          const large = n % 2 === 0
          const { bytes, digest } = artifacts[(large ? 0 : count) + random(count)] as (typeof artifacts)[number] // in range
          if (large) {
            damageFile(join(directory, "blobs", digest.slice(0, 2), digest))
            tally.files++
          } else {
            const other = Buffer.from(bytes)
            const at = random(other.length)
            other[at] = (other[at] ?? 0) ^ (1 << random(8))
            const database = new DatabaseSync(join(directory, "runs.sqlite"), { timeout: 1000 })
            database
              .prepare("UPDATE blobs SET bytes = ? WHERE digest = ?")
              .run(random(4) === 0 ? other.subarray(0, random(other.length)) : other, digest)
            database.close()
            tally.rows++
          }
          check(`flip ${n} of ${large ? "a file" : "a row"}`, yield* Effect.exit(read(digest)), bytes)
          const store = yield* ArtifactStore.ArtifactStore
          yield* store.put([bytes], random(2) === 0 ? { digest, size: bytes.length } : undefined)
          const healed = yield* Effect.exit(store.get(digest))
          if (Exit.isSuccess(healed) && Buffer.from(healed.value).equals(bytes)) tally.healed++
          else problems.push(`flip ${n}: not healed: ${String(healed)}`)
        }
      }).pipe(Effect.provide(layer(false)))
    )

    for (let n = 0; n < flips - perKind * 2; n++) {
      Fs.rmSync(join(directory, "runs.sqlite-wal"), { force: true })
      Fs.rmSync(join(directory, "runs.sqlite-shm"), { force: true })
      Fs.writeFileSync(join(directory, "runs.sqlite"), sound)
      damageFile(join(directory, "runs.sqlite"))
      tally.database++
      const { bytes, digest } = artifacts[count + random(count)] as (typeof artifacts)[number] // in range
      const exit = await quietly(
        Effect.exit(
          Effect.gen(function* () {
            const found = yield* Effect.exit(read(digest))
            const records = yield* Effect.exit(
              Effect.flatMap(Run.list({}), (runs) => Effect.forEach(runs, (run) => Run.tasks(run)))
            )
            if (Exit.isFailure(records) && !records.cause.reasons.every((reason) => reason._tag === "Fail"))
              problems.push(`flip ${n} of the database: a defect: ${String(records.cause)}`)
            check(`flip ${n} of the database`, found, bytes)
          }).pipe(Effect.provide(layer(true)))
        )
      )
      if (Exit.isSuccess(exit)) tally.opened++
      else if (exit.cause.reasons.every((reason) => reason._tag === "Fail")) tally.notOpened++
      else problems.push(`flip ${n} of the database: ${String(exit.cause)}`)
    }
  } finally {
    Fs.rmSync(directory, { recursive: true, force: true })
  }
  return { tally, problems }
}

if (process.argv[1] === import.meta.filename) {
  const flips = Number(process.argv[2] ?? 10_000)
  const began = performance.now()
  const { problems, tally } = await campaign(flips)
  console.log(
    `flips and cuts        ${tally.files} of files, ${tally.rows} of rows, ${tally.database} of the database file`
  )
  console.log(`artifacts read        ${tally.right} right, ${tally.refused} refused with a typed error`)
  console.log(`put again             ${tally.healed} healed`)
  console.log(`damaged databases     ${tally.opened} opened, ${tally.notOpened} refused with a typed error`)
  console.log(`time                  ${((performance.now() - began) / 1000).toFixed(1)} s`)
  console.log(problems.length === 0 ? "all held" : problems.slice(0, 20).join("\n"))
  process.exit(problems.length === 0 ? 0 : 1)
}
