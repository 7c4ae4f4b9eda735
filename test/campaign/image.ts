/**
 * Builds what a Dockerfile describes without Docker's server: each stage is a directory, each COPY and RUN is executed in
 * it, and the absolute paths of the image lie below that directory. What an image adds beyond that (its base, its user) is
 * this machine's: Node is the one that executes this.
 */
import { spawn } from "node:child_process"
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import * as Effect from "effect/Effect"

/** An instruction, its lines joined. */
interface Instruction {
  readonly name: string
  readonly words: string
}

interface Stage {
  readonly name: string | undefined
  readonly directory: string
  workdir: string
  readonly env: Record<string, string>
}

/** What the image would execute, and where. */
export interface Image {
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
  readonly command: ReadonlyArray<string>
}

/** The instructions of a Dockerfile. */
const parse = (text: string): ReadonlyArray<Instruction> =>
  text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .join("\n")
    .replaceAll("\\\n", " ")
    .split("\n")
    .flatMap((line) => {
      const [, name, words] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? []
      return name === undefined || words === undefined ? [] : [{ name: name.toUpperCase(), words }]
    })

/** Executes a command, and yields what it printed if it failed. */
const execute = (
  command: string,
  cwd: string,
  env: Readonly<Record<string, string>>
): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const { NODE_OPTIONS: _, ...inherited } = process.env
    const path = `${dirname(process.execPath)}:${process.env.PATH}`
    const child = spawn("bash", ["-c", command], {
      cwd,
      env: { ...inherited, ...env, PATH: path },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk))
    child.on("close", (code) =>
      resume(Effect.succeed(code === 0 ? undefined : `${command} ended with ${code}:\n${output}`))
    )
    return Effect.sync(() => child.kill())
  })

/** The absolute paths that the Dockerfile's commands name. */
const absolute = /(^|[\s"'=])\/(app|cache|tmp)(?=[/\s"']|$)/g

/**
 * Builds an image in a directory.
 *
 * @param say Called with each instruction and what came of it.
 * @returns The image, or `undefined` if an instruction failed.
 */
export const build = Effect.fnUntraced(function* (
  file: string,
  context: string,
  directory: string,
  say: (instruction: string, outcome: string) => void
) {
  const ignored = new Set(readFileSync(`${file}.dockerignore`, "utf8").split("\n").filter(Boolean))
  const stages: Array<Stage> = []
  let entry: ReadonlyArray<string> = []
  let words: ReadonlyArray<string> = []
  let failed = false
  const stageOf = (): Stage => stages.at(-1) as Stage // a Dockerfile begins with FROM
  const inside = (stage: Stage, path: string) =>
    join(stage.directory, path.startsWith("/") ? path : join(stage.workdir, path))
  const copy = (stage: Stage, given: string): string | undefined => {
    const all = given.split(/\s+/)
    const from = all.find((word) => word.startsWith("--from="))?.slice("--from=".length)
    const paths = all.filter((word) => !word.startsWith("--"))
    const to = inside(stage, paths.at(-1) ?? ".")
    const root = from === undefined ? context : stages.find(({ name }) => name === from)?.directory
    if (root === undefined) return `There is no stage "${from}".`
    for (const path of paths.slice(0, -1)) {
      const sources = globSync(path.replace(/^\//, ""), { cwd: root }).filter(
        (source) => !ignored.has(source) || from !== undefined
      )
      if (sources.length === 0) return `There is no ${path}.`
      for (const source of sources) {
        const isDirectory = statSync(join(root, source)).isDirectory()
        const target = isDirectory ? to : join(to, basename(source))
        mkdirSync(isDirectory ? target : dirname(target), { recursive: true })
        cpSync(join(root, source), target, {
          recursive: true,
          filter: (path) => from !== undefined || !ignored.has(relative(root, path))
        })
      }
    }
    return undefined
  }

  for (const { name, words: given } of parse(readFileSync(file, "utf8"))) {
    const instruction = `${name} ${given}`
    let problem: string | undefined
    if (name === "FROM") {
      const stage = {
        name: / AS (\S+)/i.exec(given)?.[1],
        directory: join(directory, `stage-${stages.length}`),
        workdir: "/",
        env: {}
      }
      for (const path of ["app", "tmp"]) mkdirSync(join(stage.directory, path), { recursive: true })
      stages.push(stage)
      say(instruction, "this machine")
      continue
    }
    const stage = stageOf()
    if (name === "WORKDIR") stage.workdir = given
    else if (name === "ENV") {
      const [key = "", value = ""] = given.split("=")
      stage.env[key] = value.replace(absolute, `$1${stage.directory}/$2`)
    } else if (name === "COPY") problem = copy(stage, given)
    else if (name === "RUN") {
      const command = given
        .replace(absolute, `$1${stage.directory}/$2`)
        .replace("chown node:node", `chown ${process.getuid?.()}:${process.getgid?.()}`)
      problem = yield* execute(command, inside(stage, "."), stage.env)
    } else if (name === "ENTRYPOINT") entry = JSON.parse(given)
    else if (name === "CMD") words = JSON.parse(given)
    else if (name === "USER") {
      say(instruction, "skipped: the user of this process stays")
      continue
    } else problem = "This script does not know the instruction."
    say(instruction, problem === undefined ? "done" : `failed: ${problem}`)
    failed ||= problem !== undefined
    if (failed) break
  }
  const last = stageOf()
  const [, ...program] = entry
  const isThere = program[0] !== undefined && existsSync(inside(last, program[0]))
  if (!failed && !isThere) say(`ENTRYPOINT ${entry.join(" ")}`, "failed: it is not in the image")
  if (failed || !isThere) return undefined
  const image: Image = {
    directory: inside(last, "."),
    env: last.env,
    command: [process.execPath, ...program, ...words]
  }
  return image
})
