/**
 * Executes what the cluster guide (examples/cluster/README.md) tells a reader to type, line by line: the exports, the
 * workers, the run, the verbs. A Postgres of its own stands in for the one that the guide installs. An image is built if
 * Docker's server runs here; without it, the Dockerfile's instructions are executed in a directory (see `image.ts`), and
 * the worker that the image would start is started there. Nothing is sent to a Kubernetes cluster: what kubectl can check
 * alone, it does (`--dry-run=client`), and the manifests that a line names are checked against the types of Kubernetes'
 * API. What is skipped has a line that says why.
 *
 * `node test/campaign/guide.ts` prints each line and what came of it, and exits with 1 if one failed. It needs the binaries
 * of a Postgres, `npm run build:library`, and npm's registry for the image (`--no-image` leaves that out).
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Manifests from "../cluster/manifests.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import { temporaryDirectory } from "../support/directory.ts"
import * as Image from "./image.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** The lines of the guide's shell blocks; a line that ends in a backslash goes on in the next. */
const lines = [...readFileSync(`${root}examples/cluster/README.md`, "utf8").matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block = ""]) => block.replaceAll("\\\n", " ").split("\n"))
  .map((line) => line.trim())
  .filter((line) => line !== "")

const program = Effect.gen(function* () {
  const postgres = yield* Postgres.make()
  const blobs = yield* temporaryDirectory
  process.chdir(root)
  const failures: Array<string> = []
  const say = (line: string, what: string) => console.log(`${what.padEnd(9)} ${line}`)

  /** A line as a shell would execute it, with this project's build instead of an installed package. */
  const shell = (line: string) =>
    Processes.run("bash", [
      "-c",
      `exec ${line.replace(/^npx effect-flow/, `${process.execPath} dist/bin.js`).replace(/^npx tsx/, `${process.execPath} --import tsx`)}`
    ])

  const succeeds = (line: string) => Effect.flatMap(shell(line), ({ exit }) => Effect.map(exit, (code) => code === 0))
  const execute = Effect.fnUntraced(function* (line: string) {
    const command = yield* shell(line)
    const code = yield* command.exit
    say(line, code === 0 ? "succeeded" : `failed (${code})`)
    if (code !== 0) failures.push(`${line}\n${command.output()}`)
  })

  for (const line of lines) {
    const variable = /^export (\w+)=(.*)$/.exec(line)
    if (variable !== null) {
      const [, name = "", value = ""] = variable
      process.env[name] =
        name === "EFFECT_FLOW_DATABASE_URL" ? postgres.url : value.replace("$HOME/effect-flow-blobs", blobs)
      say(line, "set")
    } else if (/^(sudo|docker push) /.test(line)) {
      say(line, "skipped: it would change this machine, or a registry")
    } else if (/^docker /.test(line)) {
      if (yield* succeeds("docker info")) yield* execute(line)
      else if (process.argv.includes("--no-image")) say(line, "skipped: no Docker server, and --no-image was given")
      else {
        const image = yield* Image.build(
          join(root, /-f (\S+)/.exec(line)?.[1] ?? "Dockerfile"),
          root,
          yield* temporaryDirectory,
          (instruction, outcome) => console.log(`            ${instruction.slice(0, 100)}: ${outcome}`)
        )
        say(line, image === undefined ? "failed" : "built without Docker's server, in a directory")
        if (image === undefined) failures.push(line)
        else yield* startsWorker(image, failures, say)
      }
    } else if (/^kubectl .*create (namespace|secret) /.test(line)) {
      if (yield* succeeds("kubectl version --client")) yield* execute(`${line} --dry-run=client --output=name`)
      else say(line, "skipped: no kubectl")
    } else if (/^kubectl /.test(line)) {
      const file = /-f (\S+\.yaml)/.exec(line)?.[1]
      const problem =
        file === undefined ? undefined : yield* Effect.promise(() => Manifests.problemOf(join(root, file)))
      if (problem !== undefined) failures.push(`${line}\n${problem}`)
      const validated =
        file === undefined ? "" : `; ${file} ${problem === undefined ? "is" : "is not"} what Kubernetes' API allows`
      say(line, `skipped: it needs a Kubernetes cluster${validated}`)
    } else if (/^npx effect-flow worker /.test(line)) {
      // "Two workers, each in a terminal of its own."
      for (let i = 0; i < 2; i++) yield* (yield* shell(line)).prints("Working at")
      say(line, "works")
    } else if (/^npx /.test(line)) {
      yield* execute(line)
    } else {
      say(line, "unknown")
      failures.push(`${line}\nThis script does not know how to execute it.`)
    }
  }
  for (const failure of failures) console.error(failure)
  if (failures.length > 0) process.exitCode = 1
})

/** Starts the worker that an image would start. */
const startsWorker = Effect.fnUntraced(function* (
  { command, directory, env }: Image.Image,
  failures: Array<string>,
  say: (line: string, what: string) => void
) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const words = ["-C", directory, "-u", "NODE_OPTIONS", ...variables, "EFFECT_FLOW_GROUP=image", ...command]
  const worker = yield* Processes.run("env", words)
  const outcome = yield* Effect.exit(worker.prints("Working at"))
  say(command.slice(1).join(" "), outcome._tag === "Success" ? "works, in the image's directory" : "failed")
  if (outcome._tag === "Failure") failures.push(worker.output())
  yield* worker.kill("SIGTERM")
})

if (Postgres.binaries !== undefined) NodeRuntime.runMain(Effect.scoped(program))
