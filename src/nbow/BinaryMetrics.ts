/**
 * Metrics of binary classification, defined as in scikit-learn: of predictions (accuracy, precision, recall, F1, the
 * confusion matrix), of the order of rows (ROC and precision-recall curves and the areas under them), and of
 * probabilities (log-loss, Brier score, calibration). Labels are 0 and 1. A higher score means that a row is more likely
 * to be 1. Labels, scores and thresholds that are not numbers are errors: no metric counts them as 0.
 */
export { bestThreshold, type Costs, type Threshold } from "./internal/bestThreshold.ts"
export { MetricsError } from "./internal/metricsInput.ts"
export {
  brierScore,
  type CalibrationCurve,
  type CalibrationOptions,
  calibrationCurve,
  logLoss
} from "./internal/probabilityMetrics.ts"
export {
  averagePrecision,
  type PrecisionRecallCurve,
  prAuc,
  precisionRecallCurve,
  type RocCurve,
  rocAuc,
  rocCurve
} from "./internal/rankMetrics.ts"
export { accuracy, type ConfusionMatrix, confusionMatrix, f1, precision, recall } from "./internal/thresholdMetrics.ts"
