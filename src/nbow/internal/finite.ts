/** Checks data before a model trains on them. */
import type { Tensor } from "@tensorflow/tfjs-core"
import { TrainingError } from "./TrainingError.ts"

/** Backends may take NaN for a number: WebAssembly clips it to a probability. So data are checked before the training. */
export const checkFinite = (data: ReadonlyArray<Tensor>, inputs: number, what: string): TrainingError | undefined => {
  for (const [at, tensor] of data.entries()) {
    if (tensor.dtype !== "float32") continue
    const values = tensor.dataSync<"float32">()
    const bad = values.findIndex((value) => !Number.isFinite(value))
    if (bad < 0) continue
    const row = Math.floor(bad / (values.length / (tensor.shape[0] as number))) // there are rows where there are values
    const name = at < inputs ? "xs" : "ys"
    return new TrainingError({
      reason: "diverged",
      message: `Row ${row} of the ${what} ${name} has the value ${values[bad]}, so the loss can't be finite.`,
      row
    })
  }
  return undefined
}
