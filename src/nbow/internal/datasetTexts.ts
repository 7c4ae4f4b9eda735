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

/** The texts of a dataset with labels 0 or 1. */
export interface LabelledOf<F extends Artifact.TableFields> extends TextsOf<F> {
  /** The column that has the labels. */
  readonly labels: keyof F & string
}

/** Whether texts are given as a column of a dataset. */
export const isDataset = (data: object): data is TextsOf<Artifact.TableFields> =>
  typeof data === "object" && data !== null && "dataset" in data

/** Calls a function with the texts of each row group, and with their labels where they are asked for. */
export const eachTextChunk = <F extends Artifact.TableFields, E>(
  { dataset, labels, texts }: TextsOf<F> & { readonly labels?: keyof F & string },
  use: (texts: ReadonlyArray<string>, labels: ArrayLike<number>) => Effect.Effect<void, E>
) =>
  Stream.runForEach(dataset.scan({ columns: labels === undefined ? [texts] : [texts, labels] }), ({ columns }) => {
    const all = columns as { readonly [name: string]: unknown }
    // `eachText` looks at each text, and the labels are checked together.
    return use(all[texts] as ReadonlyArray<string>, labels === undefined ? [] : (all[labels] as ArrayLike<number>))
  })
