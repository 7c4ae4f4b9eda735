/**
 * Divides rows into those to train on and those to test on: once, or in folds for cross-validation. Rows are shuffled with
 * a seed; they can be stratified, so that every part has the same share of each class, and grouped, so that the rows of a
 * group stay together. A fold is a few numbers, which a `Step.forEach` can hand to its tasks; the rows of a fold are
 * computed where they are needed.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Random } from "./internal/random.ts"

/** Rows can't be divided as asked. */
export class SplitError extends Schema.TaggedError<SplitError>()("SplitError", {
  /** The option that the message is about: `folds`, `testSize`, `seed`, `rows`, `stratify` or `groups`. */
  option: Schema.String,
  message: Schema.String
}) {}

const natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** One fold of several: which part of the rows is tested on. */
export const Fold = Schema.Struct({
  /** The number of the fold, from 0. */
  fold: natural,
  folds: Schema.Int.check(Schema.isGreaterThanOrEqualTo(2)),
  seed: natural
})

/** One fold of several. */
export type Fold = typeof Fold.Type

/** Rows to train on and rows to test on, ascending. */
export interface Rows {
  readonly train: Int32Array
  readonly test: Int32Array
}

/** What each row belongs to. */
export interface Options {
  /** The class of each row: every part gets the same share of each class. */
  readonly stratify?: ArrayLike<number | string>
  /** The group of each row: the rows of a group stay together. */
  readonly groups?: ArrayLike<number | string>
}

const isNatural = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least

const refused = (option: string, message: string): Effect.Effect<never, SplitError> =>
  Effect.fail(new SplitError({ option, message: `Split: ${option}: ${message}` }))

/**
 * The folds of a cross-validation, for `Step.forEach`. Fails with `SplitError` if `folds` or `seed` is not valid.
 *
 * @param folds The number of folds, at least 2.
 * @param options The seed of the shuffle. Default: 1.
 *
 * @example
 * ```ts
 * const folds = yield* Split.kFold(5)
 * ```
 */
export const kFold = (
  folds: number,
  { seed = 1 }: { readonly seed?: number } = {}
): Effect.Effect<ReadonlyArray<Fold>, SplitError> => {
  if (!isNatural(folds, 2)) return refused("folds", `expected a whole number of at least 2, got ${folds}`)
  if (!isNatural(seed, 0)) return refused("seed", `expected a whole number of at least 0, got ${seed}`)
  return Effect.succeed(Array.from({ length: folds }, (_, fold) => ({ fold, folds, seed })))
}

/**
 * The rows of a fold. Each row is tested on in exactly one fold. Fails with `SplitError` if there are fewer rows, or
 * groups, than folds, or not as many classes or groups as rows.
 *
 * @param fold A fold of `kFold`.
 * @param rows The number of rows.
 * @param options What each row belongs to.
 *
 * @example
 * ```ts
 * for (const fold of yield* Split.kFold(2)) {
 *   const { test, train } = yield* Split.rowsOf(fold, 4, { stratify: [0, 1, 0, 1] })
 *   yield* Effect.log(`${train.length} rows to train on, ${test.length} to test`)
 * }
 * ```
 */
export const rowsOf = (
  { fold, folds, seed }: Fold,
  rows: number,
  options: Options = {}
): Effect.Effect<Rows, SplitError> =>
  Effect.map(
    assign(
      rows,
      Array.from({ length: folds }, () => 1 / folds),
      seed,
      options
    ),
    (parts) => divide(parts, fold)
  )

/**
 * Rows to train on and rows to test on. Fails with `SplitError` if an option is not valid, or one of the parts would be
 * empty.
 *
 * @param rows The number of rows.
 * @param options The fraction of the rows to test on (default: 0.2), the seed of the shuffle (default: 1), and what each
 *   row belongs to.
 *
 * @example
 * ```ts
 * const { test, train } = yield* Split.trainTest(labels.length, { testSize: 0.25, stratify: labels })
 * ```
 */
export const trainTest = (
  rows: number,
  { seed = 1, testSize = 0.2, ...options }: Options & { readonly testSize?: number; readonly seed?: number } = {}
): Effect.Effect<Rows, SplitError> => {
  if (!(testSize > 0 && testSize < 1)) return refused("testSize", `expected a number between 0 and 1, got ${testSize}`)
  return Effect.map(assign(rows, [testSize, 1 - testSize], seed, options), (parts) => divide(parts, 0))
}

/**
 * The values of some rows, in their order.
 *
 * @param values A value for each row.
 * @param rows The rows.
 *
 * @example
 * ```ts
 * const rows = yield* Split.trainTest(3, { testSize: 0.4 })
 * const trainTexts = Split.take(["good", "bad", "fine"], rows.train)
 * ```
 */
export const take = <A>(values: ArrayLike<A>, rows: Int32Array): Array<A> => Array.from(rows, (row) => values[row] as A) // rows of `values`

const divide = (parts: Int32Array, part: number): Rows => {
  const test: Array<number> = []
  const train: Array<number> = []
  parts.forEach((of, row) => {
    if (of === part) test.push(row)
    else train.push(row)
  })
  return { test: Int32Array.from(test), train: Int32Array.from(train) }
}

/** The part of each row. Units are rows, or groups; each goes to the part that lacks most of its share. */
const assign = (
  rows: number,
  shares: ReadonlyArray<number>,
  seed: number,
  { groups, stratify }: Options
): Effect.Effect<Int32Array, SplitError> => {
  if (!isNatural(rows, 1)) return refused("rows", `expected a whole number of at least 1, got ${rows}`)
  if (!isNatural(seed, 0)) return refused("seed", `expected a whole number of at least 0, got ${seed}`)
  for (const [option, given] of [
    ["stratify", stratify],
    ["groups", groups]
  ] as const) {
    if (given !== undefined && given.length !== rows) {
      return refused(option, `there are ${given.length} values for ${rows} rows`)
    }
  }
  const units = unitsOf(rows, groups)
  if (units.length < shares.length) {
    return refused(
      groups === undefined ? "rows" : "groups",
      `${units.length} can't be divided into ${shares.length} parts`
    )
  }
  const order = Int32Array.from(units.keys())
  new Random(seed).shuffle(order)
  const shuffled = Array.from(order, (unit) => units[unit] as ReadonlyArray<number>) // indices of `units`
  // Large groups first: the small ones can even out what they leave.
  shuffled.sort((a, b) => b.length - a.length)
  const parts = new Int32Array(rows)
  const sizes = shares.map(() => 0)
  const classSizes = new Map<number | string, { readonly of: Array<number>; total: number }>()
  const classOf = (row: number): number | string => stratify?.[row] ?? 0
  for (let row = 0; row < rows; row++) {
    const size = classSizes.get(classOf(row)) ?? { of: shares.map(() => 0), total: 0 }
    size.total++
    classSizes.set(classOf(row), size)
  }
  for (const unit of shuffled) {
    const counts = new Map<number | string, number>()
    for (const row of unit) counts.set(classOf(row), (counts.get(classOf(row)) ?? 0) + 1)
    const lack = (part: number): number => {
      let missing = 0
      for (const [of, count] of counts) {
        const size = classSizes.get(of) as { readonly of: Array<number>; readonly total: number } // counted above
        missing += count * ((shares[part] as number) * size.total - (size.of[part] as number))
      }
      return missing
    }
    let best = 0
    for (let part = 1; part < shares.length; part++) {
      const difference = lack(part) - lack(best)
      const roomier =
        (shares[part] as number) * rows - (sizes[part] as number) >
        (shares[best] as number) * rows - (sizes[best] as number)
      if (difference > 1e-9 || (difference > -1e-9 && roomier)) best = part
    }
    for (const row of unit) {
      parts[row] = best
      const size = classSizes.get(classOf(row)) as { readonly of: Array<number> } // counted above
      size.of[best] = (size.of[best] as number) + 1
    }
    sizes[best] = (sizes[best] as number) + unit.length
  }
  const empty = sizes.indexOf(0)
  return empty < 0
    ? Effect.succeed(parts)
    : refused(groups === undefined ? "rows" : "groups", `one of ${shares.length} parts would have no rows`)
}

const unitsOf = (rows: number, groups: Options["groups"]): ReadonlyArray<ReadonlyArray<number>> => {
  const units = new Map<number | string, Array<number>>()
  for (let row = 0; row < rows; row++) {
    const key = groups?.[row] ?? row
    const unit = units.get(key)
    if (unit === undefined) units.set(key, [row])
    else unit.push(row)
  }
  return [...units.values()]
}
