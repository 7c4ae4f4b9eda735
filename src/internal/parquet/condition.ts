/**
 * Which rows of a table are wanted: conditions on its columns, which hold together. They are tried on the statistics of
 * parts and row groups, to skip what can have no such row, and then on the rows themselves.
 */
import { type ColumnType, isNumbers } from "./columnType.ts"
import { isBefore } from "./statistics.ts"

/** A value that has an order. Texts are ordered by their code points, as in the file. */
export type Ordered = string | number | bigint | boolean | Date

/** What a column's value must be. All that is given must hold. A missing value (null) only equals null. */
export interface Range<A> {
  readonly eq?: A | null
  readonly ne?: A | null
  readonly in?: ReadonlyArray<A | null>
  readonly gt?: A
  readonly gte?: A
  readonly lt?: A
  readonly lte?: A
}

/** What is known of some rows of a column. A bound that is not known is left out. */
export interface Known {
  readonly nullCount?: number | undefined
  readonly min?: Ordered | undefined
  readonly max?: Ordered | undefined
}

/** A condition on one column. */
export interface Condition {
  readonly column: string
  /** Whether some row that fits may be among so many of which this is known. */
  readonly mayHold: (statistics: Known, numRows: number) => boolean
  readonly holds: (value: unknown) => boolean
}

const operators = ["eq", "ne", "in", "gt", "gte", "lt", "lte"] as const

/** The conditions of a `where`, or why there are none. */
export const conditionsOf = (
  types: ReadonlyArray<ColumnType>,
  where: { readonly [column: string]: unknown }
): ReadonlyArray<Condition> | string => {
  const conditions: Array<Condition> = []
  for (const [column, given] of Object.entries(where)) {
    if (given === undefined) continue
    const type = types.find(({ name }) => name === column)
    if (type === undefined)
      return `there is no column ${column}; the columns are: ${types.map(({ name }) => name).join(", ")}`
    const range = isRange(given) ? given : { eq: given }
    const unknown = Object.keys(range).find((key) => !(operators as ReadonlyArray<string>).includes(key))
    if (unknown !== undefined)
      return `${unknown} is not a condition on column ${column}; there are: ${operators.join(", ")}`
    const flaw = flawOf(type, range)
    if (flaw !== undefined) return flaw
    conditions.push(conditionOf(type, range))
  }
  return conditions
}

const isRange = (given: unknown): given is Range<unknown> =>
  typeof given === "object" && given !== null && !(given instanceof Date)

const isOrdered = (value: unknown): boolean =>
  ["string", "number", "bigint", "boolean"].includes(typeof value) || value instanceof Date

const operandsOf = ({ in: list = [], ...range }: Range<unknown>): ReadonlyArray<unknown> => [
  ...Object.values(range).filter((value) => value !== undefined),
  ...list
]

const flawOf = (type: ColumnType, range: Range<unknown>): string | undefined => {
  for (const operand of operandsOf(range)) {
    if (operand === null || operand === undefined || isOrdered(operand)) continue
    return `column ${type.name} can only be compared with texts, numbers, booleans, dates and null`
  }
  for (const key of ["gt", "gte", "lt", "lte"] as const) {
    if (range[key] === null) return `nothing is more or less than null, which ${key} of column ${type.name} is`
  }
  return undefined
}

const isEqual = (a: unknown, b: unknown): boolean =>
  a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b

const isMissing = (value: unknown): boolean => value === null || value === undefined

const conditionOf = (type: ColumnType, { eq, gt, gte, in: list, lt, lte, ne }: Range<unknown>): Condition => {
  const bounded = gt !== undefined || gte !== undefined || lt !== undefined || lte !== undefined
  const same = (value: unknown, wanted: unknown) => (isMissing(wanted) ? isMissing(value) : isEqual(value, wanted))
  return {
    column: type.name,
    holds: (value) => {
      if (eq !== undefined && !same(value, eq)) return false
      if (ne !== undefined && same(value, ne)) return false
      if (list !== undefined && !list.some((wanted) => same(value, wanted))) return false
      if (!bounded) return true
      if (isMissing(value) || !isComparable(value, gt ?? gte ?? lt ?? lte)) return false
      return (
        (gt === undefined || isBefore(gt, value)) &&
        (gte === undefined || !isBefore(value, gte)) &&
        (lt === undefined || isBefore(value, lt)) &&
        (lte === undefined || !isBefore(lte, value))
      )
    },
    mayHold: (statistics, numRows) => {
      if (!isStoredAsIs(type)) return true
      const { max, min, nullCount } = statistics
      const wanted = list ?? (eq === undefined ? undefined : [eq])
      if (nullCount !== undefined && nullCount === numRows) {
        return !bounded && (wanted === undefined || wanted.some(isMissing)) // `ne` holds for a missing value
      }
      if (min === undefined || max === undefined) return true
      const mayBe = (value: unknown) =>
        isMissing(value)
          ? nullCount === undefined || nullCount > 0
          : !isComparable(min, value) || !(isBefore(value, min) || isBefore(max, value))
      if (wanted !== undefined && !wanted.some(mayBe)) return false
      if (gt !== undefined && isComparable(max, gt) && !isBefore(gt, max)) return false
      if (gte !== undefined && isComparable(max, gte) && isBefore(max, gte)) return false
      if (lt !== undefined && isComparable(min, lt) && !isBefore(min, lt)) return false
      if (lte !== undefined && isComparable(min, lte) && isBefore(lte, min)) return false
      return true
    }
  }
}

/** Whether two values are of kinds with one order: texts, or numbers of any type, or dates, or booleans. */
const isComparable = (a: unknown, b: unknown): boolean =>
  orderOf(a) === orderOf(b) && !Number.isNaN(a) && !Number.isNaN(b)

const orderOf = (value: unknown): string =>
  value instanceof Date ? "date" : typeof value === "bigint" ? "number" : typeof value

/** Whether a column's values are the file's, so that the file's statistics hold for them. */
const isStoredAsIs = ({ codec, kind }: ColumnType): boolean =>
  codec === undefined && (isNumbers(kind) || (kind !== "json" && kind !== "bytes"))

/** The indices of the rows that fit; nothing where all do. */
export const rowsThatFit = (
  conditions: ReadonlyArray<Condition>,
  numRows: number,
  columns: { readonly [name: string]: ArrayLike<unknown> }
): ReadonlyArray<number> | undefined => {
  if (conditions.length === 0) return undefined
  const matching: Array<number> = []
  for (let row = 0; row < numRows; row++) {
    if (conditions.every(({ column, holds }) => holds(columns[column]?.[row]))) matching.push(row)
  }
  return matching.length === numRows ? undefined : matching
}
