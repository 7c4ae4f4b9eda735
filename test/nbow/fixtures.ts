/** The reference's figures (scikit-learn, NumPy, torch), and the tutorial's reviews where they are. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Parquet } from "effect-flow"
import type { Nbow } from "effect-flow/nbow"
import { dataFile } from "../support/data.ts"

/** A fixture file. Its `about` gives its conventions. */
export const fixture = <A>(name: string): A =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures", `${name}.json`), "utf8")) as A // as its file has it

/** How the fixtures hash lists: joined by commas, or lines. */
export const sha256 = (values: ArrayLike<number | string>, separator = ","): string =>
  createHash("sha256").update(Array.from(values).join(separator)).digest("hex")

const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String })

/** The tutorial's reviews, `train.parquet` or `valid.parquet`. */
export const reviews = (name: "train" | "valid"): Effect.Effect<Nbow.Labelled, Parquet.ParquetError> =>
  Effect.map(Parquet.read(dataFile(`${name}.parquet`), Reviews), ({ columns }) => ({
    texts: columns.review,
    labels: columns.labels
  }))

/** A few labelled texts that are easy to tell apart, for tests that need any model at all. */
export const toy = (rows: number): Nbow.Labelled => {
  const words = [
    "lovely",
    "perfect",
    "soft",
    "great",
    "poor",
    "cheap",
    "itchy",
    "awful",
    "dress",
    "shirt",
    "size",
    "color"
  ]
  const labels = Array.from({ length: rows }, (_, row) => ((row * 7) % 10 < 7 ? 1 : 0))
  const texts = labels.map((label, row) =>
    Array.from({ length: 6 }, (_, i) => {
      const pick = (row * 31 + i * 17 + ((row * i) % 5)) % 4
      return i < 3 ? words[8 + pick] : (row + i) % 5 === 0 ? words[pick + 4 * label] : words[pick + 4 * (1 - label)]
    }).join(" ")
  )
  return { texts, labels }
}
