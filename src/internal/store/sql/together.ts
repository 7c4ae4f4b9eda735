/** Several statements as one, so that Postgres gets one message in place of one for each. */
import * as Fence from "./fence.ts"
import type { Prepared } from "./statement.ts"

const apart = /^INSERT INTO (tasks|blobs|uses|schemas) /

/** With more parameters than this the statements are few for what they do, and each kind of them is prepared once. */
const fewParameters = 200

/**
 * Several statements as one, where they may run in any order and each row is written once: a single statement is a
 * transaction by itself, and one message to the database in place of one for each. None where their order matters.
 */
export const together = (
  statements: ReadonlyArray<Prepared>,
  fences: ReadonlyArray<Fence.Fence>
): Prepared | undefined => {
  const last = statements.at(-1)
  const parameters = statements.reduce((sum, { params }) => sum + params.length, 0)
  if (last === undefined || parameters > fewParameters || !statements.every(({ sql }) => apart.test(sql)))
    return undefined
  if (fences.length > 0) {
    const { result, table } = Fence.within(fences)
    const writes = statements.map(({ sql }, index) => `w${index} AS (${sql})`)
    return {
      sql: `WITH fence AS MATERIALIZED (${table.sql}), ${writes.join(", ")} ${result} FROM fence`,
      params: [...table.params, ...statements.flatMap(({ params }) => params)]
    }
  }
  const before = statements.slice(0, -1).map(({ sql }, index) => `w${index} AS (${sql})`)
  return {
    sql: before.length === 0 ? last.sql : `WITH ${before.join(", ")} ${last.sql}`,
    params: statements.flatMap(({ params }) => params)
  }
}
