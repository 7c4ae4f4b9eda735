/** The built page: made anew where it is missing, or older than what it is made of. */
import { execFile } from "node:child_process"
import { readdirSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"

const root = new URL("../../", import.meta.url)
const config = fileURLToPath(new URL("src/ui/vite.config.ts", root))

const vite = fileURLToPath(new URL("node_modules/vite/bin/vite.js", root))

const newest = (directory: string): number =>
  Math.max(
    0,
    ...readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) =>
      entry.isFile() ? statSync(`${entry.parentPath}/${entry.name}`).mtimeMs : 0
    )
  )

const isOld = (): boolean => {
  try {
    const built = statSync(fileURLToPath(new URL("dist/ui/index.html", root))).mtimeMs
    return built < newest(fileURLToPath(new URL("src/ui/", root)))
  } catch {
    return true
  }
}

export const built: Effect.Effect<void> = Effect.suspend(() =>
  isOld()
    ? Effect.promise(() =>
        // As `npm run build` does it; this process may be a test's, whose environment makes another build.
        promisify(execFile)(process.execPath, [vite, "build", "--config", config], {
          env: { ...process.env, NODE_ENV: "production" }
        })
      )
    : Effect.void
)
