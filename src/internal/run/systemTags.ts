/**
 * The system tags of a run: facts about its surroundings, written when it starts. Git is only asked on request (by the
 * command line), because starting a process takes longer than a small run, and only once the first task has begun, because
 * in a large checkout the answer takes seconds.
 */
import { hostname, userInfo } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { version } from "./version.ts"

const user = (): string => {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? "unknown") // a container may run as a user without a name
  }
}

/** The system tag with the command that started the run, without verb and flags. Only the command line sets it. */
export const programTag = "program"
/** The system tag with the working directory of that command. */
export const directoryTag = "directory"

/** The system tags of runs in this context. */
export const SystemTags: Context.Reference<Effect.Effect<Readonly<Record<string, string>>>> = Context.Reference(
  "effect-flow/SystemTags",
  {
    defaultValue: (): Effect.Effect<Readonly<Record<string, string>>> =>
      Effect.sync(() => ({ user: user(), host: hostname(), "effect-flow": version, node: process.version }))
  }
)

const git = (...words: ReadonlyArray<string>): Effect.Effect<string | undefined> =>
  Effect.flatMap(
    Effect.promise(() => import("node:child_process")),
    ({ execFile }) =>
      Effect.callback((resume) => {
        const child = execFile("git", [...words], { timeout: 2000 }, (error, output) =>
          resume(Effect.succeed(error === null ? output.trim() : undefined))
        )
        return Effect.sync(() => void child.kill())
      })
  )

/** The git commit of the working directory, and whether it has changes. Nothing outside a git checkout. */
export const gitTags: Effect.Effect<Readonly<Record<string, string>>> = Effect.map(
  git("status", "--porcelain=v2", "--branch", "--untracked-files=no"),
  (status) => {
    const commit = status === undefined ? undefined : /^# branch\.oid ([0-9a-f]+)$/m.exec(status)?.[1]
    return status === undefined || commit === undefined
      ? {}
      : { "git-commit": commit, "git-dirty": String(/^[^#]/m.test(status)) }
  }
)
