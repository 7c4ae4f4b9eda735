/**
 * The inner loops of training: the forward pass from a row's terms to the hidden units and from these to the scores of the
 * outputs, the backward pass along the same way, and Adam. They are WebAssembly, because JavaScript has no SIMD: Adam alone
 * takes 57 million square roots and divisions in the tutorial's ten epochs, two thirds of the time of a loop in JavaScript.
 * JavaScript also branches at every hidden unit, to see whether it is above zero, and the processor can't predict that.
 *
 * The weights of terms are summed in single precision, those of outputs in double precision. All sums are in the order of
 * plain loops, so that their results are the same.
 *
 * Addresses and sizes are in bytes. Hidden units are padded to a multiple of four.
 */
import * as Wasm from "./wasm.ts"

const { f32, f32x4, f64, f64x2, i32, repeat, type, when } = Wasm
const { abs, add, and, atLeast, div, gt, lt, mul, splat, sqrt, sub } = f32x4

/** Adam's decay rates and epsilon. */
export const beta1 = 0.9
export const beta2 = 0.999
const epsilon = 1e-7

/** The size of an entry of a row: the address of a term's weights, and the term's count. */
const entryBytes = 8

/** A loop over entries takes this many vectors of hidden units at once: with one, each addition waits for the last. */
const wide = 4

const addressOf = (entry: Wasm.Local): Wasm.Code => i32.load(entry.get)
const countOf = (entry: Wasm.Local): Wasm.Code => f32.load(i32.add(entry.get, i32.constant(4)))
const advance = (local: Wasm.Local, bytes: number): Wasm.Code => local.set(i32.add(local.get, i32.constant(bytes)))
const isBefore = (local: Wasm.Local, end: Wasm.Local): Wasm.Code => i32.lessUnsigned(local.get, end.get)

/** Runs the body as long as the condition holds before it. */
const loop = (condition: Wasm.Code, body: Wasm.Code): Wasm.Code => when(condition, repeat(body, condition))

/** Loops over the entries of a row. */
const eachEntry = (entry: Wasm.Local, entries: Wasm.Local, end: Wasm.Local, body: Wasm.Code): Wasm.Code => [
  ...entry.set(entries.get),
  ...loop(isBefore(entry, end), [...body, ...advance(entry, entryBytes)])
]

/** Code for each of some vectors of hidden units: the local of the vector, and its offset. */
type Each = (code: (vector: Wasm.Local, offset: number) => Wasm.Code) => Wasm.Code

/** Loops over hidden units from `at`, which is 0: all vectors at once while enough units are left, then one at a time. */
const eachUnit = (
  at: Wasm.Local,
  size: Wasm.Local,
  vectors: ReadonlyArray<Wasm.Local>,
  body: (each: Each) => Wasm.Code
): Wasm.Code => {
  const bodyOf = (locals: ReadonlyArray<Wasm.Local>): Wasm.Code => [
    ...body((code) => locals.flatMap((local, i) => code(local, 16 * i))),
    ...advance(at, 16 * locals.length)
  ]
  const last = i32.add(at.get, i32.constant(16 * (vectors.length - 1)))
  return [
    ...loop(i32.lessUnsigned(last, size.get), bodyOf(vectors)),
    ...loop(isBefore(at, size), bodyOf(vectors.slice(0, 1)))
  ]
}

const forwardTerms: Wasm.Function = {
  parameters: [type.i32, type.i32, type.i32, type.i32, type.i32],
  locals: [type.i32, type.i32, type.i32, type.v128, type.v128, ...new Array<number>(wide).fill(type.v128)],
  body: (entries, end, size, bias, units, entry, at, place, zero, count, ...sums) =>
    eachUnit(at, size, sums, (each) => [
      ...place.set(i32.add(bias.get, at.get)),
      ...each((sum, offset) => sum.set(f32x4.load(place.get, offset))),
      ...eachEntry(entry, entries, end, [
        ...count.set(splat(countOf(entry))),
        ...place.set(i32.add(addressOf(entry), at.get)),
        ...each((sum, offset) => sum.set(add(sum.get, mul(count.get, f32x4.load(place.get, offset)))))
      ]),
      ...place.set(i32.add(units.get, at.get)),
      ...each((sum, offset) => f32x4.store(place.get, atLeast(sum.get, zero.get), offset))
    ])
}

const forwardUnits: Wasm.Function = {
  parameters: [type.i32, type.i32, type.i32, type.i32, type.i32, type.i32],
  locals: [type.i32, type.f64, type.v128],
  body: (units, end, kernel, bias, scores, scoresEnd, unit, score, products) =>
    repeat(
      [
        ...score.set(f64.promote(f32.load(bias.get))),
        ...unit.set(units.get),
        ...repeat(
          [
            ...products.set(f64x2.mul(f64x2.promote(unit.get), f64x2.promote(kernel.get))),
            ...[0, 1].flatMap((lane) => score.set(f64.add(score.get, f64x2.lane(products.get, lane)))),
            ...advance(unit, 8),
            ...advance(kernel, 8)
          ],
          isBefore(unit, end)
        ),
        ...f64.store(scores.get, score.get),
        ...advance(bias, 4),
        ...advance(scores, 8)
      ],
      isBefore(scores, scoresEnd)
    )
}

const backwardUnits: Wasm.Function = {
  parameters: new Array<number>(8).fill(type.i32),
  locals: [type.i32, type.i32, type.i32, ...new Array<number>(6).fill(type.v128)],
  // biome-ignore format: the parameters, the addresses, and the vectors
  body: (
    units, size, bias, kernel, scores, scoresEnd, back, stride,
    at, score, place,
    zero, delta, unit1, unit2, sum1, sum2
  ) => {
    const pairs = [{ offset: 0, unit: unit1, sum: sum1 }, { offset: 8, unit: unit2, sum: sum2 }]
    const store = (address: Wasm.Code, pair: (of: (typeof pairs)[number]) => Wasm.Code): Wasm.Code =>
      f32x4.store(address, f32x4.join(...pairs.map((of) => f64x2.demote(pair(of)))))
    return repeat(
      [
        ...place.set(i32.add(units.get, at.get)),
        ...pairs.flatMap(({ offset, sum, unit }) => [
          ...unit.set(f64x2.promote(place.get, offset)),
          ...sum.set(zero.get)
        ]),
        ...place.set(i32.add(kernel.get, at.get)),
        ...score.set(scores.get),
        ...repeat(
          [
            ...delta.set(f64x2.splat(f64.load(score.get))),
            ...pairs.flatMap(({ offset, sum }) =>
              sum.set(f64x2.add(sum.get, f64x2.mul(delta.get, f64x2.promote(place.get, offset))))
            ),
            ...place.set(i32.add(place.get, stride.get)),
            ...store(place.get, ({ offset, unit }) =>
              f64x2.add(f64x2.promote(place.get, offset), f64x2.mul(delta.get, unit.get))
            ),
            ...place.set(i32.add(i32.sub(place.get, stride.get), size.get)),
            ...advance(score, 8)
          ],
          isBefore(score, scoresEnd)
        ),
        // A unit that is not above zero passes nothing on.
        ...pairs.flatMap(({ sum, unit }) => sum.set(f64x2.and(sum.get, f64x2.gt(unit.get, zero.get)))),
        ...store(i32.add(back.get, at.get), ({ sum }) => sum.get),
        ...place.set(i32.add(i32.add(bias.get, stride.get), at.get)),
        ...store(place.get, ({ offset, sum }) => f64x2.add(f64x2.promote(place.get, offset), sum.get)),
        ...advance(at, 16)
      ],
      isBefore(at, size)
    )
  }
}

const backwardTerms: Wasm.Function = {
  parameters: [type.i32, type.i32, type.i32, type.i32, type.i32],
  locals: [type.i32, type.i32, type.i32, type.v128, ...new Array<number>(wide).fill(type.v128)],
  body: (entries, end, size, back, stride, entry, at, place, count, ...backs) =>
    eachUnit(at, size, backs, (each) => [
      ...place.set(i32.add(back.get, at.get)),
      ...each((vector, offset) => vector.set(f32x4.load(place.get, offset))),
      ...eachEntry(entry, entries, end, [
        ...count.set(splat(countOf(entry))),
        ...place.set(i32.add(i32.add(addressOf(entry), stride.get), at.get)),
        ...each((vector, offset) =>
          f32x4.store(place.get, add(f32x4.load(place.get, offset), mul(count.get, vector.get)), offset)
        )
      ])
    ])
}

const adam: Wasm.Function = {
  parameters: [type.i32, type.i32, type.i32, type.f32, type.f32, type.f32, type.f32],
  result: type.f32,
  locals: [type.i32, type.i32, type.i32, ...new Array<number>(15).fill(type.v128)],
  // biome-ignore format: the parameters, the addresses, and the vectors
  body: (
    at, end, stride, oneRate, oneCorrection, oneL1, oneL2,
    gradientAt, firstAt, secondAt,
    rate, correction, l1, l2, b1, c1, b2, c2, e, zero, w, g, m, v, penalty
  ) => [
      ...rate.set(splat(oneRate.get)),
      ...correction.set(splat(oneCorrection.get)),
      ...l1.set(splat(oneL1.get)),
      ...l2.set(splat(oneL2.get)),
      ...b1.set(splat(f32.constant(beta1))),
      ...c1.set(splat(f32.constant(1 - beta1))),
      ...b2.set(splat(f32.constant(beta2))),
      ...c2.set(splat(f32.constant(1 - beta2))),
      ...e.set(splat(f32.constant(epsilon))),
      ...repeat(
        [
          ...gradientAt.set(i32.add(at.get, stride.get)),
          ...firstAt.set(i32.add(gradientAt.get, stride.get)),
          ...secondAt.set(i32.add(firstAt.get, stride.get)),
          ...w.set(f32x4.load(at.get)),
          // g + l1·sign(w) + 2·l2·w
          ...g.set(
            add(
              add(f32x4.load(gradientAt.get), sub(and(gt(w.get, zero.get), l1.get), and(lt(w.get, zero.get), l1.get))),
              mul(add(l2.get, l2.get), w.get)
            )
          ),
          ...f32x4.store(gradientAt.get, zero.get),
          ...m.set(add(mul(b1.get, f32x4.load(firstAt.get)), mul(c1.get, g.get))),
          ...f32x4.store(firstAt.get, m.get),
          ...v.set(add(mul(b2.get, f32x4.load(secondAt.get)), mul(mul(c2.get, g.get), g.get))),
          ...f32x4.store(secondAt.get, v.get),
          ...w.set(sub(w.get, div(mul(rate.get, m.get), add(mul(sqrt(v.get), correction.get), e.get)))),
          ...f32x4.store(at.get, w.get),
          ...penalty.set(add(penalty.get, add(mul(l1.get, abs(w.get)), mul(l2.get, mul(w.get, w.get))))),
          ...advance(at, 16)
        ],
        i32.lessUnsigned(at.get, end.get)
      ),
      ...[0, 1, 2, 3].map((lane) => f32x4.lane(penalty.get, lane)).reduce((sum, lane) => f32.add(sum, lane))
    ]
}

/** The compiled loops. */
export interface Loops {
  /**
   * Computes the hidden units: their bias plus, for each entry, its count times the weights at its address, or 0 if that
   * is less.
   */
  readonly forwardTerms: (entries: number, end: number, size: number, bias: number, units: number) => void
  /**
   * Computes the scores: for each output its bias plus the units from `units` to `end` times its row of the kernel.
   */
  readonly forwardUnits: (
    units: number,
    end: number,
    kernel: number,
    bias: number,
    scores: number,
    scoresEnd: number
  ) => void
  /**
   * Writes the gradient of the hidden units to `back`, given that of the scores in their place, and adds to the gradients
   * of the hidden bias and of the output kernel, which are `stride` bytes after these weights.
   */
  readonly backwardUnits: (
    units: number,
    size: number,
    bias: number,
    kernel: number,
    scores: number,
    scoresEnd: number,
    back: number,
    stride: number
  ) => void
  /**
   * Adds, for each entry, its count times the hidden units' gradient at `back` to the gradients of its weights, which
   * are `stride` bytes after the weights.
   */
  readonly backwardTerms: (entries: number, end: number, size: number, back: number, stride: number) => void
  /**
   * Updates the weights between two addresses with Adam, and returns their penalty. The gradients, which are reset to
   * zero, are `stride` bytes after the weights, followed by the first and the second moments.
   */
  readonly adam: (
    at: number,
    end: number,
    stride: number,
    rate: number,
    correction: number,
    l1: number,
    l2: number
  ) => number
}

const instantiate = Wasm.instantiate({ forwardTerms, forwardUnits, backwardUnits, backwardTerms, adam })

/** Instantiates the loops with a memory of at least this many bytes. */
export const make = (bytes: number): { readonly memory: Wasm.Memory; readonly loops: Loops } => {
  const { exports, memory } = instantiate(bytes)
  return { memory, loops: exports as Loops } // they are assembled from the functions above
}
