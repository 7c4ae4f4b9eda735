/**
 * The time that passes, by a clock that nobody sets. A pause that is measured by the time of day lasts an hour longer when
 * that is set back by an hour.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Milliseconds since some moment, to be compared with another reading of the same process. */
export const monotonicMs: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanoseconds) => Number(nanoseconds) / 1e6
)
