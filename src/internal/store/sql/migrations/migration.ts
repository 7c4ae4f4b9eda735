/**
 * What a migration is: one change of the run database's tables, in a file of its own. Text compares by its bytes in
 * both databases; only the declarations of a few column types differ.
 *
 * To add one, write `NNNN_name.ts` beside this file and append it to the list in `../migrations.ts`. A migration that
 * was released is never edited: stores that already ran it would not run it again.
 */

/** How each database declares the column types that differ. */
export interface ColumnTypes {
  readonly text: string
  readonly bytes: string
  /** A number that grows with each row. */
  readonly serial: string
  /** Ends a `CREATE TABLE` whose short rows should live in the primary key's index. */
  readonly inIndex: string
}

/** One change of the tables. It runs in a transaction of its own, together with the row that records it. */
export interface Migration {
  /** Counts up by one from the migration before. */
  readonly id: number
  /** As recorded in the database. */
  readonly name: string
  /** The statements, in order. */
  readonly statements: (dialect: "sqlite" | "pg", types: ColumnTypes) => ReadonlyArray<string>
}
