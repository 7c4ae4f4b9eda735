/**
 * The tutorial's model and its parts, each a namespace: `Nbow.fit`, `BinaryMetrics.rocAuc`, `Tensorflow.layer`.
 * Importing this module does not load TensorFlow.js.
 */
import "../internal/requirements.ts"

export * as BinaryMetrics from "./BinaryMetrics.ts"
export * as CountVectorizer from "./CountVectorizer.ts"
export * as MulticlassMetrics from "./MulticlassMetrics.ts"
export * as MulticlassNbow from "./MulticlassNbow.ts"
export * as Nbow from "./Nbow.ts"
export * as SparseMatrix from "./SparseMatrix.ts"
export * as Split from "./Split.ts"
export * as Tensorflow from "./Tensorflow.ts"
