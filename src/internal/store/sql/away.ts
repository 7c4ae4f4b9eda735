/**
 * Whether a Postgres database is away for now: a failover, a restart, a full disk, a network that stalls. The store, the
 * cluster and the start of both ask this one question, and wait for up to two minutes.
 */
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/** How long to wait for a database that is away. */
export const awayLimitMs = 120_000

/** How long to wait at the start if nothing answers at all: a wrong URL looks the same. */
export const absentLimitMs = 3000

/** Codes of Postgres. Source: PostgreSQL's manual, appendix "PostgreSQL Error Codes". */
const states: ReadonlySet<string> = new Set([
  "25006", // read-only: a standby, in the middle of a failover
  "53000", // insufficient resources
  "53100", // the disk is full
  "53200", // out of memory
  "53300", // too many connections
  "57P01", // it is shutting down
  "57P02", // it crashed
  "57P03", // it is starting
  "57P05" // an idle session was ended
])

/** The system's codes for a name or a machine that can't be reached at the moment. */
const systemCodes: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EAI_AGAIN"
])

/** What a wrong host or port gives, too. */
const absentCodes: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND"])

/** The code that the database or the system gave: the innermost one. */
export const codeOf = (error: SqlError): string | undefined => {
  let code: string | undefined
  let at: unknown = error.reason.cause
  for (let depth = 0; typeof at === "object" && at !== null && depth < 8; depth++) {
    const { cause, code: own } = at as { readonly cause?: unknown; readonly code?: unknown } // looked at here
    if (typeof own === "string") code = own
    at = cause
  }
  return code
}

/** What the driver says of a URL that it can't use, or of a server that can't do what the URL asks for. It has no code for either. */
const ofTheUrl = /\bURL\b|^No username configured$|^The server does not support TLS$/

/** What is wrong with the URL, if that is what the driver says: waiting for the database is no use then. */
export const misconfigured = ({ reason }: SqlError): string | undefined =>
  reason._tag === "ConnectionError" && reason.cause instanceof Error && ofTheUrl.test(reason.cause.message)
    ? reason.cause.message
    : undefined

/** Whether a running process may expect the database back. */
export const isAway = (error: SqlError): boolean => {
  const code = codeOf(error)
  if (code === undefined) return error.reason._tag === "ConnectionError" && misconfigured(error) === undefined
  return states.has(code) || systemCodes.has(code) || absentCodes.has(code) || code.startsWith("08")
}

/** Whether nothing answers where the database should be. */
export const isAbsent = (error: SqlError): boolean => absentCodes.has(codeOf(error) ?? "")

/** The database's error within another one, such as those of Effect's cluster. */
export const sqlErrorIn = (error: unknown): SqlError | undefined => {
  let at = error
  for (let depth = 0; typeof at === "object" && at !== null && depth < 8; depth++) {
    if (isSqlError(at)) return at
    at = (at as { readonly cause?: unknown }).cause // looked at here
  }
  return undefined
}
