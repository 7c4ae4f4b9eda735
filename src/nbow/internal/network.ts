/**
 * The network: `p = σ(b₂ + w₂ · relu(b₁ + Σ c·W₁[j]))` over a text's terms `j` with their counts `c`. This module
 * scores texts and computes losses. `Trainer.ts` trains.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
/** A network's weights. `hiddenKernel` has a row for each term and a column for each hidden unit. */
export interface Weights {
  readonly hiddenKernel: Float32Array
  readonly hiddenBias: Float32Array
  readonly outputKernel: Float32Array
  readonly outputBias: Float32Array
}

/** Probabilities are clipped to this distance from 0 and 1 before taking logarithms, as in Keras. */
export const epsilon = 1e-7

/** The strength of the L1 and L2 regularization. */
export interface Penalty {
  readonly l1: number
  readonly l2: number
}

/** The regularization part of the loss. */
export const penaltyOf = ({ hiddenKernel }: Weights, { l1, l2 }: Penalty): number => {
  let absolute = 0
  let squared = 0
  for (let i = 0; i < hiddenKernel.length; i++) {
    const w = hiddenKernel[i] as number
    absolute += Math.abs(w)
    squared += w * w
  }
  return l1 * absolute + l2 * squared
}

/** Makes a function that computes the probability of a text from its terms, with repetitions. */
export const makeTokenScore = ({ hiddenBias, hiddenKernel, outputBias, outputKernel }: Weights) => {
  const units = hiddenBias.length
  const hidden = new Float64Array(units)
  return (tokens: Int32Array, count: number): number => {
    for (let u = 0; u < units; u++) hidden[u] = hiddenBias[u] as number
    for (let i = 0; i < count; i++) {
      const at = (tokens[i] as number) * units
      for (let u = 0; u < units; u++) hidden[u] = (hidden[u] as number) + (hiddenKernel[at + u] as number)
    }
    let sum = outputBias[0] as number
    for (let u = 0; u < units; u++) sum += Math.max(0, hidden[u] as number) * (outputKernel[u] as number)
    return 1 / (1 + Math.exp(-sum))
  }
}

/** Binary cross-entropy of a label and a probability. */
export const crossEntropy = (label: number, probability: number): number => {
  const p = Math.min(Math.max(probability, epsilon), 1 - epsilon)
  return -Math.log(label === 1 ? p : 1 - p)
}

/** The loss and accuracy of probabilities for the rows from `first` on, without the penalty. */
export const measure = (
  labels: ArrayLike<number>,
  scores: Float32Array,
  first: number
): { readonly loss: number; readonly accuracy: number } => {
  let loss = 0
  let hits = 0
  for (let i = 0; i < scores.length; i++) {
    const label = labels[first + i] as number
    const p = scores[i] as number
    loss += crossEntropy(label, p)
    if (p > 0.5 === (label === 1)) hits++
  }
  return { loss: loss / scores.length, accuracy: hits / scores.length }
}
