/** Checks every file of a store against its name, and puts intact ones in their places. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { reasonOf } from "../../cause.ts"
import type { Checked } from "../blobs.ts"
import type { Directories } from "./directories.ts"
import { isMissing, lookAt } from "./look.ts"
import { hashFile } from "./parts.ts"
import { files, type Places } from "./places.ts"

/** Checks every file, including those in `damaged/`. */
export const verify = async (places: Places, each: (checked: Checked) => void, signal: AbortSignal): Promise<void> => {
  for await (const [digest, path] of files(places)) {
    signal.throwIfAborted()
    const checked = await check(places, digest, path)
    if (checked !== undefined) each(checked)
  }
}

const check = async ({ damaged, pathOf }: Places, digest: string, path: string): Promise<Checked | undefined> => {
  const place = path === pathOf(digest) ? "right" : Path.dirname(path) === damaged ? "apart" : "wrong"
  try {
    const look = await lookAt(path)
    if (look === undefined) return undefined // removed in the meantime
    const intact = (await hashFile(path)) === digest
    return { digest, path, size: Number(look.size), intact, place }
  } catch (cause) {
    if (isMissing(cause)) return undefined
    return { digest, path, size: 0, intact: false, place, error: reasonOf(cause) }
  }
}

/** Moves an intact file from a wrong place to its own, unless there is one already. Says whether it did. */
export const restore = async (
  { pathOf }: Places,
  directories: Directories,
  digest: string,
  from: string
): Promise<boolean> => {
  const path = pathOf(digest)
  if ((await lookAt(path)) !== undefined && (await hashFile(path)) === digest) return false
  if ((await hashFile(from)) !== digest) return false
  await directories.within(Path.dirname(path), () => Fs.rename(from, path))
  await directories.sync(Path.dirname(path))
  return true
}
