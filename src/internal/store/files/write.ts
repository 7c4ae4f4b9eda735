/**
 * Writes files under a temporary name, syncs them, and gives them their names. A file whose bytes are there already is
 * touched instead, so that no sweep takes it for old.
 */
import { createHash, randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type { Address } from "../artifactError.ts"
import type { Directories } from "./directories.ts"
import type { Integrity } from "./integrity.ts"
import { isForbidden, isMissing, lookAt, setTime } from "./look.ts"
import { writeParts } from "./parts.ts"
import type { Places } from "./places.ts"
import { findSwept } from "./sweep.ts"

export interface Writer {
  /**
   * Writes what `parts` yields. The bytes at hand replace a file of that digest, which may be damaged, unless the caller
   * knows the digest and this process has verified the file.
   *
   * @param now The time in milliseconds since the epoch.
   */
  readonly put: (
    parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    address: Address | undefined,
    now: () => number,
    signal: AbortSignal
  ) => Promise<Address>
  /** Writes a file whose bytes, size and digest `fill` determines. */
  readonly putBy: (fill: (file: Fs.FileHandle) => Promise<Address>, now: () => number) => Promise<Address>
  /** Starts the age of a file anew. Says whether it is there and intact. */
  readonly touch: (digest: string, size: number | undefined, now: number) => Promise<boolean>
}

/** Artifacts are immutable. (Windows can't remove files without write permission.) */
const fileMode = process.platform === "win32" ? 0o666 : 0o444

/** A file touched within this many milliseconds may have a name that is not durable yet. */
const youngMs = 60_000

/** @param durable Whether files are synced, so that they survive a power cut. */
export const make = (places: Places, directories: Directories, integrity: Integrity, durable: boolean): Writer => {
  const { damaged, pathOf, temporary } = places

  const temporaryName = (): string => Path.join(temporary, `${process.pid}-${randomUUID()}`)

  const replaceByCopy = async (path: string, now: number): Promise<void> => {
    const name = temporaryName()
    await directories.within(temporary, () => Fs.copyFile(path, name, Fs.constants.COPYFILE_FICLONE))
    const file = await Fs.open(name, "r")
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
    await Fs.chmod(name, fileMode)
    await setTime(name, now)
    await Fs.rename(name, path)
  }

  const touch: Writer["touch"] = async (digest, size, now) => {
    const path = pathOf(digest)
    let look = await lookAt(path)
    if (look === undefined && (await findSwept(places, digest)) !== undefined) look = await lookAt(path)
    if (look === undefined || !(await integrity.isIntact(digest, look, size))) return false
    const isVerified = integrity.knows(digest, look)
    try {
      await setTime(path, now)
    } catch (cause) {
      if (isMissing(cause)) return false
      if (!isForbidden(cause)) throw cause
      // Another user of the group owns it: a copy of our own takes its place.
      await replaceByCopy(path, now)
    }
    if (durable && now - Number(look.ctimeMs) < youngMs) await directories.sync(Path.dirname(path))
    if (isVerified) {
      const after = await lookAt(path)
      if (after !== undefined) integrity.remember(digest, after)
    }
    return true
  }

  const putBy: Writer["putBy"] = async (fill, now) => {
    const name = temporaryName()
    const file = await directories.within(temporary, () => Fs.open(name, "wx", fileMode))
    try {
      let address: Address
      try {
        address = await fill(file)
        if (durable) await file.datasync()
        await file.utimes(now() / 1000, now() / 1000)
      } finally {
        await file.close()
      }
      const path = pathOf(address.digest)
      await directories.within(Path.dirname(path), () => Fs.rename(name, path))
      if (durable) await directories.sync(Path.dirname(path))
      const look = await lookAt(path)
      if (look !== undefined) integrity.remember(address.digest, look)
      await Fs.rm(Path.join(damaged, address.digest), { force: true })
      return address
    } catch (cause) {
      await Fs.rm(name, { force: true }).catch(() => undefined) // the first error is the one to report
      throw cause
    }
  }

  const put: Writer["put"] = async (parts, address, now, signal) => {
    if (address !== undefined && integrity.has(address.digest) && (await touch(address.digest, address.size, now())))
      return address
    return await putBy(async (file) => {
      const hash = createHash("sha256")
      const each = address === undefined ? (part: Uint8Array) => hash.update(part) : () => {}
      const size = await writeParts(file, parts, each, durable, signal)
      return address ?? { digest: hash.digest("hex"), size }
    }, now)
  }

  return { put, putBy, touch }
}
