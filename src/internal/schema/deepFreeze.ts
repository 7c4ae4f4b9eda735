/**
 * Freezes plain data that has just been decoded. Tasks of one process share such a value, so arrays and plain objects
 * are frozen all the way down. Only freshly decoded values are frozen: a value that a body returned may be its module's
 * own state.
 */

/** Freezes arrays and plain objects, at any depth, and returns the value. */
export const deepFreeze = <A>(value: A): A => {
  freeze(value)
  return value
}

const freeze = (value: unknown): void => {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return
  if (Array.isArray(value)) {
    Object.freeze(value)
    for (let i = 0; i < value.length; i++) freeze(value[i])
    return
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return
  Object.freeze(value)
  for (const key of Object.keys(value)) freeze((value as Record<string, unknown>)[key]) // own keys index it
}
