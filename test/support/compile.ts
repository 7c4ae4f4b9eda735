/** Compiles snippets, each a file of its own, by one run of the project's `tsc`; yields what it says of each. */
import { execFile } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..", "..")

/**
 * The compiler's messages by file name; none for a file that compiles.
 *
 * @param name Of the folder they are compiled in, unique among those that run at once.
 * @param files Their texts by name: `join.ts`.
 */
export const compile = async (
  name: string,
  files: Readonly<Record<string, string>>
): Promise<ReadonlyMap<string, string>> => {
  const directory = join(root, "node_modules", ".cache", `${name}-${process.pid}`)
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(directory, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { noUnusedLocals: false, noErrorTruncation: true },
      include: ["*.ts"]
    })
  )
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text)
  const output = await new Promise<string>((resolve) => {
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    // Several checkers would each check what the snippets share, at twice the cost.
    const flags = ["-p", directory, "--pretty", "false", "--checkers", "1"]
    execFile(process.execPath, [tsc, ...flags], { maxBuffer: 1 << 26 }, (_, output) => resolve(output))
  })
  rmSync(directory, { recursive: true, force: true })
  const messages = new Map<string, string>()
  let current = ""
  for (const line of output.split("\n")) {
    const start = /([^/\s]+\.ts)\(\d+,\d+\): (.*)$/.exec(line)
    if (start?.[1] !== undefined) current = start[1]
    messages.set(current, `${messages.get(current) ?? ""}${start?.[2] ?? line}\n`)
  }
  return messages
}
