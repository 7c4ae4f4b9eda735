/** A statement of SQL with its parameters. */

/** SQL with `?` for each parameter. */
export interface Prepared {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
}
