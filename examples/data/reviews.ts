/**
 * Synthetic reviews of clothes for the examples: 4,000 to train on and 500 to validate, generated from a seed, so that
 * they are the same everywhere. A review makes a few statements about a garment. The number of positive ones decides
 * its label, with some noise, so a model can learn much but not everything.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Parquet } from "effect-flow"

const Reviews = Artifact.table({ review: Schema.String, labels: Schema.Literals([0, 1]) })

/** The paths of the files that `make` writes. */
export const trainFile = join(import.meta.dirname, "reviews-train.parquet")
export const validFile = join(import.meta.dirname, "reviews-valid.parquet")

const garments = ["dress", "sweater", "blouse", "skirt", "jacket", "top", "pair of jeans", "cardigan", "coat", "tunic"]
const openings = [
  "i ordered this G online",
  "bought the G for a wedding",
  "saw this G in the store last week",
  "my sister has the same G",
  "this G came in the mail today",
  "tried the G in my usual size",
  "i have been looking for a G like this"
]
const pleasing = [
  "love the fabric",
  "fits like a glove",
  "so soft and comfortable",
  "the color is gorgeous",
  "got many compliments",
  "very flattering at the waist",
  "perfect length for me",
  "beautiful details on the sleeves",
  "great quality for the price",
  "easy to wear with anything",
  "drapes wonderfully",
  "true to size"
]
const annoying = [
  "the fabric is scratchy",
  "runs huge and shapeless",
  "looked cheap in person",
  "the seams came apart after one wash",
  "had to return it",
  "the color is nothing like the picture",
  "disappointed with the quality",
  "way too short on me",
  "itchy and stiff",
  "the zipper broke",
  "unflattering around the hips",
  "not worth the price"
]
const neutral = [
  "i am five four and usually wear a medium",
  "it has buttons down the back",
  "comes in three colors",
  "i tried it with boots and with sandals",
  "shipping took about a week",
  "the lining is cotton",
  "i wore it to the office",
  "my daughter thought so too"
]

/** Random numbers from a seed: mulberry32. */
const generator = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

/**
 * A table of reviews.
 *
 * @param count The number of reviews.
 * @param seed The same seed gives the same reviews.
 */
export const generate = (count: number, seed: number) => {
  const random = generator(seed)
  const pick = (words: ReadonlyArray<string>) => words[Math.floor(random() * words.length)] ?? ""
  const review: Array<string> = []
  const labels: Array<0 | 1> = []
  for (let i = 0; i < count; i++) {
    const pleased = random() < 0.77
    const says = random() < 0.96 ? pleased : !pleased // who means another thing than they say
    const parts = [pick(openings).replace("G", pick(garments))]
    for (let n = 2 + Math.floor(random() * 4); n > 0; n--)
      parts.push(pick(random() < 0.81 === says ? pleasing : annoying))
    for (let n = Math.floor(random() * 3); n > 0; n--)
      parts.splice(1 + Math.floor(random() * parts.length), 0, pick(neutral))
    review.push(`${parts.join(random() < 0.5 ? ", " : ". ")}.`)
    labels.push(pleased ? 1 : 0)
  }
  return { numRows: count, columns: { review, labels } }
}

/** Writes the files if they do not exist. */
export const make = Effect.suspend(() =>
  existsSync(trainFile) && existsSync(validFile)
    ? Effect.void
    : Effect.all(
        [Parquet.write(trainFile, Reviews, generate(4000, 1)), Parquet.write(validFile, Reviews, generate(500, 6))],
        {
          discard: true
        }
      )
)
