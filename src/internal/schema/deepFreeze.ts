/**
 * Freezing what is handed on. Between tasks of one process a JSON value is the same object, so nobody may change it:
 * arrays and plain objects are frozen all the way down. What is frozen already is not looked into again, which makes
 * freezing a value twice free. Instances of classes, typed arrays and maps are left as they are.
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
