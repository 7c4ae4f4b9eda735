/** A cell of a table as text. */
import { number } from "../format.ts"

export const cell = (value: unknown): string =>
  value === null || value === undefined
    ? "null"
    : typeof value === "number"
      ? number(value)
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value)

/** A cell as it is copied: with all of its digits. */
export const plainCell = (value: unknown): string =>
  value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value)
