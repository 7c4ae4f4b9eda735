/**
 * Executes what the cluster guide (examples/cluster/README.md) tells a reader to type, line by line: the exports, the
 * workers, the run, the verbs. A Postgres of its own stands in for the one that the guide installs. An image is built if
 * Docker's server runs here. Nothing is sent to a Kubernetes cluster: what kubectl can check alone, it does
 * (`--dry-run=client`), and the manifests have a test of their own (test/cluster/manifests.test.ts). What is skipped has a
 * line that says why.
 *
 * `node test/campaign/guide.ts` prints each line and what came of it, and exits with 1 if one failed. It needs the binaries
 * of a Postgres.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import { temporaryDirectory } from "../support/directory.ts"

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

  /** A line as a shell would execute it, with this project's sources instead of an installed package. */
  const shell = (line: string) =>
    Processes.run("bash", [
      "-c",
      `exec ${line.replace(/^npx effect-flow/, `${process.execPath} src/bin.ts`).replace(/^npx tsx/, `${process.execPath} --import tsx`)}`
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
      else say(line, "skipped: no Docker server")
    } else if (/^kubectl .*create (namespace|secret) /.test(line)) {
      if (yield* succeeds("kubectl version --client")) yield* execute(`${line} --dry-run=client --output=name`)
      else say(line, "skipped: no kubectl")
    } else if (/^kubectl /.test(line)) {
      say(line, "skipped: it needs a Kubernetes cluster")
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

if (Postgres.binaries !== undefined) NodeRuntime.runMain(Effect.scoped(program))
