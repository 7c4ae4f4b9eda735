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

/**
 * The time of day of an end, whose beginning was read from both clocks: never earlier than what has passed since, so that
 * nothing takes less than no time because the time of day was set back meanwhile. (Where it was set forward, a computer
 * may have slept, so that tells nothing.)
 */
export const endMs = (clock: Clock.Clock, beganMs: number, beganNanos: bigint): number =>
  Math.max(
    clock.currentTimeMillisUnsafe(),
    beganMs + Math.floor(Number(clock.monotonicTimeNanosUnsafe() - beganNanos) / 1e6)
  )
