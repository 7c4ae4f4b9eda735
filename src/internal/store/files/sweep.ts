/**
 * Removes files that no run needs: those that were last touched before a time, and what killed processes and damage have
 * left behind.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type { Address } from "../artifactError.ts"
import type { Aged } from "../blobs.ts"
import { entries } from "./directories.ts"
import { isMissing, lookAt, timeOf } from "./look.ts"
import type { Names } from "./names.ts"
import { isDigest, type Places } from "./places.ts"

/** A week: so much longer a damaged file stays if it is the only copy. */
const damagedStaysMs = 7 * 24 * 60 * 60 * 1000

/** Files last touched before a time. */
export const old = async ({ directory, pathOf }: Places, before: number): Promise<ReadonlyArray<Aged>> => {
  const aged: Array<Aged> = []
  for (const folder of await entries(directory)) {
    if (folder.length !== 2) continue
    for (const digest of await entries(Path.join(directory, folder))) {
      const look = isDigest(digest) ? await lookAt(pathOf(digest)) : undefined
      if (look !== undefined && timeOf(look) < before)
        aged.push({ digest, size: Number(look.size), touchedAt: timeOf(look) })
    }
  }
  return aged
}

/** Removes files unless they were touched since; yields those it removed. */
export const remove = async (
  { pathOf, sweptPathOf }: Places,
  files: ReadonlyArray<Address>,
  before: number
): Promise<ReadonlyArray<Address>> => {
  const gone: Array<Address> = []
  for (const file of files) if (await removeOld(pathOf(file.digest), sweptPathOf(file.digest), before)) gone.push(file)
  return gone
}

/** Removes what was left behind before a time; see `Blobs.tidy`. */
export const tidy = async (
  { damaged, pathOf, temporary }: Places,
  names: Names,
  before: number,
  keep: ReadonlySet<string>
): Promise<void> => {
  await names.tidy(before)
  for (const digest of await entries(damaged)) {
    const look = await lookAt(Path.join(damaged, digest))
    const isOnly = keep.has(digest) && (await lookAt(pathOf(digest))) === undefined
    // A rename changes the change time.
    if (look !== undefined && Number(look.ctimeMs) < before - (isOnly ? damagedStaysMs : 0))
      await Fs.rm(Path.join(damaged, digest), { force: true })
  }
  for (const name of await entries(temporary)) {
    const path = Path.join(temporary, name)
    const digest = name.startsWith("swept-") ? name.slice("swept-".length) : ""
    if (isDigest(digest) && (await lookAt(pathOf(digest))) === undefined) {
      await bringBack(path, pathOf(digest))
      continue
    }
    const look = await lookAt(path)
    if (look !== undefined && timeOf(look) < before) await Fs.rm(path, { force: true })
  }
}

/**
 * Removes a file that was not touched since a time. A rename takes it away first, and then its time is read again: if
 * another process put or touched it in between, it goes back. A process that comes after the rename brings it back, or
 * writes it anew.
 *
 * @param away Where the file is moved, so that it can be found and restored.
 */
const removeOld = async (path: string, away: string, before: number): Promise<boolean> => {
  try {
    await Fs.mkdir(Path.dirname(away), { recursive: true })
    await Fs.rename(path, away)
  } catch (cause) {
    if (isMissing(cause)) return false
    throw cause
  }
  const look = await lookAt(away)
  if (look === undefined) return false
  if (timeOf(look) >= before) {
    await bringBack(away, path)
    return false
  }
  await Fs.rm(away, { force: true })
  return true
}

/** Gives a file that was taken away its name again. Says whether there was one. */
const bringBack = async (away: string, path: string): Promise<boolean> => {
  try {
    await Fs.rename(away, path)
    return true
  } catch (cause) {
    if (isMissing(cause)) return false
    throw cause
  }
}

/**
 * Where a file lies that a sweep took away and did not remove, because its process ended in between.
 *
 * @param readOnly Leaves it there. Default: it is brought back.
 */
export const findSwept = async (
  { pathOf, sweptPathOf }: Places,
  digest: string,
  readOnly = false
): Promise<string | undefined> => {
  const away = sweptPathOf(digest)
  if (readOnly) return (await lookAt(away)) === undefined ? undefined : away
  return (await bringBack(away, pathOf(digest))) ? pathOf(digest) : undefined
}
