/**
 * The verb `dump`: prints an artifact without the flow that wrote it: JSON and text in full, rows of a table or dataset,
 * the shapes of tensors. `--out` writes the verified bytes of any format to a file.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import type { RefRecord } from "../../../RunRecord.ts"
import type { Contents } from "../../artifact/safetensors.ts"
import { readUntyped } from "../../history/reading.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import * as WholeFile from "../../wholeFile.ts"
import * as Cli from "../cli.ts"
import { withExistingStore } from "../store.ts"
import * as Target from "../target.ts"
import * as DumpRows from "./dumpRows.ts"

/** The flags of `dump`. */
export interface Options extends DumpRows.RowOptions {
  /** A file for the stored bytes; `-` for stdout. */
  readonly out: string | undefined
}

/** Prints the artifact `RUN/STEP[/ID]/ARTIFACT`. */
export const dump = (cli: Cli.Cli, chosen: Cli.Chosen, text: string, options: Options) =>
  withExistingStore(
    cli,
    chosen,
    Effect.gen(function* () {
      const { ref } = yield* Target.artifact(chosen, text)
      yield* refuseUnused(ref, options)
      if (options.out !== undefined) return yield* save(cli, ref, options.out)
      switch (ref.format) {
        case "dataset":
        case "table":
          return yield* DumpRows.print(cli, ref, options)
        case "tensors":
          return yield* tensors(cli, ref, options)
        case "json": {
          const value = yield* readUntyped(ref)
          return Cli.print(cli, JSON.stringify(value, undefined, cli.stdout.isTTY === true ? 2 : undefined))
        }
      }
      if (ref.format === "text" || /^text\/|[/+]json$/.test(ref.mediaType)) {
        const store = yield* ArtifactStore
        return void cli.stdout.write(new TextDecoder().decode(yield* store.get(ref.digest)))
      }
      Cli.print(cli, `${Units.bytes(ref.size)} of ${ref.mediaType}; --out FILE writes them to a file.`)
    })
  )

/** Refuses flags that would change nothing, so that nobody takes a file's bytes for CSV, or all of a value for a part. */
const refuseUnused = (ref: RefRecord, options: Options): Effect.Effect<void, Cli.Exit> => {
  const { columns, csv, from, out, rows, tail } = options
  const flags = { rows, from, tail: tail || undefined, columns, csv: csv || undefined }
  const [name] = Object.entries(flags).find(([, value]) => value !== undefined) ?? []
  const first = `--${name}`
  const refuse = (message: string) => Effect.fail(new Cli.Exit({ code: Cli.exitCodes.usage, message }))
  if (out === "") return refuse("--out is empty. Name a file, or - for stdout.")
  if (name === undefined) return Effect.void
  if (ref.format !== "table" && ref.format !== "dataset")
    return refuse(`${ref.name} is ${ref.format}, and ${first} is for the rows of a table or dataset.`)
  if (out !== undefined)
    return refuse(
      `--out writes the stored bytes as they are, so it can't be combined with ${first}. Write what is printed to a file with a redirection: dump … ${first} > ${out}`
    )
  if (tail && from !== undefined) return refuse("--tail and --from exclude each other.")
  return Effect.void
}

/** Writes the bytes to a file, under a temporary name until they are complete and verified. */
const save = Effect.fnUntraced(function* (cli: Cli.Cli, ref: RefRecord, out: string) {
  const store = yield* ArtifactStore
  const parts = store.stream(ref.digest, undefined, { reuse: true })
  if (out === "-") {
    return yield* Stream.runForEach(parts, (chunk) =>
      Effect.promise(() => new Promise<void>((resolve) => void process.stdout.write(chunk, () => resolve())))
    )
  }
  yield* WholeFile.write(out, Cli.unwritable(out), (append) => Stream.runForEach(parts, append))
  Cli.say(cli, `${out}: ${Units.bytes(ref.size)} of ${ref.mediaType}, SHA-256 ${ref.digest}`)
})

/** Names, kinds and shapes of tensors, and the file's metadata. */
const tensors = Effect.fnUntraced(function* (cli: Cli.Cli, ref: RefRecord, options: Options) {
  const { metadata, tensors } = (yield* readUntyped(ref)) as Contents // the shape that `readUntyped` returns for tensors
  const rows = Object.entries(tensors).map(([name, { data, dtype, shape }]) => ({
    name,
    dtype,
    shape,
    bytes: data.byteLength
  }))
  if (options.json) return Cli.print(cli, JSON.stringify({ tensors: rows, metadata }, undefined, 2))
  Cli.print(
    cli,
    Text.columns(
      rows.map(({ bytes, dtype, name, shape }) => [name, dtype, `[${shape.join(", ")}]`, Units.bytes(bytes)]),
      new Set([3])
    )
  )
  for (const [name, value] of Object.entries(metadata ?? {}))
    Cli.print(
      cli,
      `${name}: ${Text.fit(Text.oneLine(Text.printable(value)), Math.max(40, (cli.stdout.columns ?? 120) - name.length - 3))}`
    )
})
