/**
 * The network: `p = σ(b₂ + W₂ · relu(b₁ + Σ v·W₁[j]))` over a text's terms `j` with their values `v`. It has one output,
 * the probability of label 1, or an output for each class, and then σ is the softmax. This module scores texts and
 * computes losses. `Trainer.ts` trains.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
/**
 * A network's weights. `hiddenKernel` has a row for each term and a column for each hidden unit. `outputKernel` has a row
 * for each hidden unit and a column for each output.
 */
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

/** Turns scores into probabilities that sum to 1. */
export const softmax = (scores: Float64Array): void => {
  let highest = Number.NEGATIVE_INFINITY
  for (const score of scores) highest = Math.max(highest, score)
  let sum = 0
  for (let k = 0; k < scores.length; k++) {
    const power = Math.exp((scores[k] as number) - highest)
    scores[k] = power
    sum += power
  }
  for (let k = 0; k < scores.length; k++) scores[k] = (scores[k] as number) / sum
}

/** The class that outputs predict: 1 if the only output is above 0.5, or the first class with the highest probability. */
export const predicted = (outputs: ArrayLike<number>, first = 0, count = outputs.length): number => {
  if (count === 1) return (outputs[first] as number) > 0.5 ? 1 : 0
  let best = 0
  for (let k = 1; k < count; k++) if ((outputs[first + k] as number) > (outputs[first + best] as number)) best = k
  return best
}

/**
 * The probability of a text from its terms, with repetitions, for a network with one output whose inputs are counts.
 *
 * @param hidden Room for a number for each hidden unit.
 */
export const tokenScore = (
  { hiddenBias, hiddenKernel, outputBias, outputKernel }: Weights,
  hidden: Float64Array,
  tokens: Int32Array,
  count: number
): number => {
  const units = hiddenBias.length
  for (let u = 0; u < units; u++) hidden[u] = hiddenBias[u] as number
  for (let i = 0; i < count; i++) {
    const at = (tokens[i] as number) * units
    for (let u = 0; u < units; u++) hidden[u] = (hidden[u] as number) + (hiddenKernel[at + u] as number)
  }
  let sum = outputBias[0] as number
  for (let u = 0; u < units; u++) sum += Math.max(0, hidden[u] as number) * (outputKernel[u] as number)
  return 1 / (1 + Math.exp(-sum))
}

/** Binary cross-entropy of a label and a probability. */
export const crossEntropy = (label: number, probability: number): number => {
  const p = Math.min(Math.max(probability, epsilon), 1 - epsilon)
  return -Math.log(label === 1 ? p : 1 - p)
}

/**
 * The loss and accuracy of probabilities for the rows from `first` on, without the penalty. Weights multiply the losses of
 * rows, as in Keras, and leave the accuracy as it is.
 */
export const measure = (
  labels: ArrayLike<number>,
  probabilities: Float32Array,
  first: number,
  { outputs = 1, rowWeights }: { readonly outputs?: number; readonly rowWeights?: ArrayLike<number> | undefined } = {}
): { readonly loss: number; readonly accuracy: number } => {
  const rows = probabilities.length / outputs
  let loss = 0
  let hits = 0
  for (let i = 0; i < rows; i++) {
    const label = labels[first + i] as number
    const weight = rowWeights === undefined ? 1 : (rowWeights[first + i] as number)
    const entropy =
      outputs === 1
        ? crossEntropy(label, probabilities[i] as number)
        : crossEntropy(1, probabilities[i * outputs + label] as number)
    loss += weight * entropy
    if (predicted(probabilities, i * outputs, outputs) === label) hits++
  }
  return { loss: loss / rows, accuracy: hits / rows }
}
