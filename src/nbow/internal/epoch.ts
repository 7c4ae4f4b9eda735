/** What is measured of an epoch. */

/** The metrics of an epoch. Losses include the penalty. Validation metrics are present if there are validation rows. */
export interface Epoch {
  readonly loss: number
  readonly accuracy: number
  readonly valLoss?: number
  readonly valAccuracy?: number
}
