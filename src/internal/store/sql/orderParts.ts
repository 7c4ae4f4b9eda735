/**
 * An order of runs as parts, each of which an index gives in its order: the runs of one flow after those of another, those
 * of one status after those of another, those that ended before those that have not.
 */
import type { RunSort } from "../runOrder.ts"
import { Where } from "./reading.ts"

/** Some of the runs, in an order of their own. */
export interface Part {
  readonly where: Where
  /** What follows `ORDER BY`. */
  readonly order: string
}

/** As in the index `runs_duration`. */
const duration = "(finished_at - started_at)"

/**
 * The parts that may hold runs beyond the cursor, in order.
 *
 * @param values All values of the column where runs are sorted by status or flow.
 * @param sign What stands before that column, to keep the database from starting with it.
 */
export const partsOf = (
  { beyond, by, order }: RunSort,
  values: ReadonlyArray<string>,
  sign: string
): ReadonlyArray<Part> => {
  const isUp = order === "up"
  const towards = isUp ? ">" : "<"
  const direction = isUp ? "ASC" : "DESC"
  const isInUnfinished = beyond !== undefined && beyond.value === null
  switch (by) {
    case "started":
      return [{ where: new Where().add(`place ${towards} ?`, beyond?.place), order: `place ${direction}` }]
    case "duration": {
      const ended = new Where().add(`${duration} IS NOT NULL`)
      const unfinished = new Where().add(`${duration} IS NULL`)
      if (isInUnfinished) return [{ where: unfinished.add("place < ?", beyond.place), order: "place DESC" }]
      return [
        {
          where: ended.add(`(${duration}, place) ${towards} (?, ?)`, beyond?.value, beyond?.place),
          order: `${duration} ${direction}, place ${direction}`
        },
        { where: unfinished, order: "place DESC" }
      ]
    }
    default: {
      const ascending = [...values].sort()
      return (isUp ? ascending : ascending.reverse()).flatMap((value) => {
        const where = new Where().add(`${sign}${by} = ?`, value)
        if (beyond === undefined || typeof beyond.value !== "string") return [{ where, order: "place DESC" }]
        if (value === beyond.value) return [{ where: where.add("place < ?", beyond.place), order: "place DESC" }]
        return value > beyond.value === isUp ? [{ where, order: "place DESC" }] : []
      })
    }
  }
}
