/**
 * Checks every artifact of a store: the small ones in the database and the files. A digest may have two copies, one in
 * each place; an intact copy repairs a damaged one.
 */
import * as Effect from "effect/Effect"
import type { ArtifactError, ArtifactFault, VerifiedArtifacts } from "../../../ArtifactStore.ts"
import * as Digest from "../../schema/digest.ts"
import type { Blobs, Checked } from "../blobs.ts"
import type { Row } from "./rows.ts"

/** How many rows are read at once: each may hold up to 64 KiB. */
const rowsAtOnce = 500

/** What the check needs of the store. */
export interface Access {
  readonly files: Blobs
  /** Where the small artifacts are, in a sentence. */
  readonly database: string
  readonly dialect: "sqlite" | "pg"
  readonly ask: (sql: string, params: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, ArtifactError>
  readonly change: (sql: string, params: ReadonlyArray<unknown>) => Effect.Effect<unknown, ArtifactError>
}

export const verify = Effect.fnUntraced(function* (
  access: Access,
  repair: boolean
): Effect.fn.Return<VerifiedArtifacts, ArtifactError> {
  const { files } = access
  const inline = yield* checkRows(access)
  const checked: Array<Checked> = []
  yield* files.verify((file) => void checked.push(file))
  const inPlace = new Map(checked.filter(({ place }) => place === "right").map((file) => [file.digest, file]))
  const intact = new Set(inline.intact)
  for (const [digest, file] of inPlace) if (file.intact) intact.add(digest)
  const faults: Array<ArtifactFault> = []

  for (const { digest, size } of inline.wrongSize) {
    if (repair) yield* access.change("UPDATE blobs SET size = ? WHERE digest = ? RETURNING digest", [size, digest])
    faults.push({ digest, kind: "size", where: access.database, repaired: repair })
  }
  for (const digest of inline.damaged) {
    const copy = intact.has(digest)
    // A reader looks in the database first: without the damaged row it finds the file.
    if (repair && copy) {
      // The row also says which run the artifact belongs to.
      const keepUse =
        "INSERT INTO uses (digest, run) SELECT digest, run FROM blobs WHERE digest = ? AND run IS NOT NULL"
      yield* access.change(`${keepUse} ON CONFLICT DO NOTHING RETURNING digest`, [digest])
      yield* access.change("DELETE FROM blobs WHERE digest = ? RETURNING digest", [digest])
    }
    if (repair && !copy) yield* access.change("UPDATE blobs SET size = -1 WHERE digest = ? RETURNING digest", [digest])
    faults.push({ digest, kind: "altered", where: access.database, repaired: repair && copy })
  }
  for (const file of checked) {
    const fault = yield* checkFile(access, file, intact, inPlace.has(file.digest), repair)
    if (fault !== undefined) faults.push(fault)
  }
  // A digest whose damaged row hides an intact file can't be read until that is repaired.
  for (const { digest, repaired, where } of faults) if (where === access.database && !repaired) intact.delete(digest)
  for (const digest of inline.wrongSize) intact.add(digest.digest)
  return { intact, faults }
})

const checkRows = Effect.fnUntraced(function* ({ ask, dialect }: Access) {
  const intact: Array<string> = []
  const damaged = new Set<string>()
  const wrongSize: Array<{ readonly digest: string; readonly size: number }> = []
  for (const { first, order, table } of dialect === "pg" ? [indexed] : [indexed, recent]) {
    let after: unknown = first
    while (after !== undefined) {
      const sql = `SELECT ${order} AS place, digest, size, bytes FROM ${table} WHERE ${order} > ? ORDER BY ${order} LIMIT ${rowsAtOnce}`
      const rows: ReadonlyArray<Row> = yield* ask(sql, [after])
      for (const { bytes, digest, size } of rows) {
        if (Digest.ofChunks([bytes]) !== digest) damaged.add(digest)
        else if (bytes.length !== size) wrongSize.push({ digest, size: bytes.length })
        else intact.push(digest)
      }
      after = rows.length < rowsAtOnce ? undefined : rows.at(-1)?.place
      yield* Effect.yieldNow
    }
  }
  return { intact, damaged, wrongSize }
})

/** The tables of small artifacts, and the order to go through each. */
const indexed = { table: "blobs", order: "digest", first: "" }
const recent = { table: "recent_blobs", order: "sequence", first: 0 }

/** The fault of one file, if it is one; repairs it where that is possible. */
const checkFile = Effect.fnUntraced(function* (
  { files }: Access,
  file: Checked,
  intact: Set<string>,
  hasFile: boolean,
  repair: boolean
): Effect.fn.Return<ArtifactFault | undefined, ArtifactError> {
  const { digest, path: where, place } = file
  if (place === "right") {
    if (file.intact) return undefined
    if (file.error !== undefined) {
      return { digest, kind: "unreadable", where, reason: file.error, repaired: repair && intact.has(digest) }
    }
    if (repair) yield* files.setApart(digest)
    return { digest, kind: "altered", where, repaired: repair && intact.has(digest) }
  }
  if (place === "apart") {
    if (intact.has(digest)) {
      if (repair) yield* files.discard(where)
      return undefined // replaced since
    }
    if (!file.intact) {
      // The damaged file in its place has been reported already.
      return hasFile ? undefined : { digest, kind: "altered", where, repaired: false }
    }
  }
  if (!file.intact) {
    if (repair) yield* files.discard(where)
    return { digest, kind: "altered", where, repaired: repair && intact.has(digest) }
  }
  if (repair && intact.has(digest)) yield* files.discard(where)
  const repaired = repair && (intact.has(digest) || (yield* files.restore(digest, where)))
  if (repaired) intact.add(digest)
  return { digest, kind: "misplaced", where, repaired }
})
