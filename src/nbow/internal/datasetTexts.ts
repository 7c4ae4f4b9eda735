/** Texts and labels that are columns of a dataset, read a row group at a time. */
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Artifact from "../../Artifact.ts"

/** The texts of a dataset. */
export interface TextsOf<F extends Artifact.TableFields> {
  readonly dataset: Artifact.Dataset<F>
  /** The column that has them. */
  readonly texts: keyof F & string
}

/** The texts of a dataset with labels. */
export interface LabelledOf<F extends Artifact.TableFields> extends TextsOf<F> {
  /** The column that has the labels. */
  readonly labels: keyof F & string
}

/** The texts of a dataset with labels, and weights of rows. */
export interface TrainingDataOf<F extends Artifact.TableFields> extends LabelledOf<F> {
  /** The column that has a weight of at least 0 for each row, by which its loss is multiplied. */
  readonly sampleWeight?: keyof F & string
}

/** Whether texts are given as a column of a dataset. */
export const isDataset = (data: object): data is TextsOf<Artifact.TableFields> =>
  typeof data === "object" && data !== null && "dataset" in data

/** Calls a function with the texts of each row group, and with their labels and weights where they are asked for. */
export const eachTextChunk = <F extends Artifact.TableFields, E>(
  {
    dataset,
    labels,
    sampleWeight,
    texts
  }: TextsOf<F> & {
    readonly labels?: (keyof F & string) | undefined
    readonly sampleWeight?: (keyof F & string) | undefined
  },
  use: (texts: ReadonlyArray<string>, labels: ArrayLike<unknown>, weights: ArrayLike<unknown>) => Effect.Effect<void, E>
) => {
  const names = [texts, labels, sampleWeight].filter((name) => name !== undefined)
  return Stream.runForEach(dataset.scan({ columns: [...new Set(names)] }), ({ columns }) => {
    const all = columns as { readonly [name: string]: unknown }
    const column = (name: string | undefined) => (name === undefined ? [] : (all[name] as ArrayLike<unknown>))
    // `eachText` looks at each text, and labels and weights are checked together.
    return use(all[texts] as ReadonlyArray<string>, column(labels), column(sampleWeight))
  })
}
