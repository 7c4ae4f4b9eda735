/** A small file system of a test's own, to be filled, made read-only, or taken away. */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"

/** A tmpfs with mount options, `size=8m,nr_inodes=20`, in a directory that goes with the scope. */
export const mounted = (options: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = Fs.mkdtempSync(Path.join(tmpdir(), "effect-flow-mount-"))
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory], { stdio: "ignore" })
      return directory
    }),
    (directory) =>
      Effect.sync(() => {
        unmount(directory)
        Fs.rmSync(directory, { recursive: true, force: true })
      })
  )

/** Takes a file system away, though files on it are open. */
export const unmount = (directory: string): void => {
  try {
    execFileSync("umount", ["-l", directory], { stdio: "ignore" })
  } catch {
    // It is gone already.
  }
}

/** Whether this user may mount one. */
export const mayMount = ((): boolean => {
  try {
    Effect.runSync(Effect.scoped(Effect.asVoid(mounted("size=64k"))))
    return true
  } catch {
    return false
  }
})()
if (!mayMount) console.info("Skipped: full, read-only and unmounted disks, because this user may not mount a tmpfs.")
