/**
 * Holds the source to its map. `src/README.md` says which room may import which, in a table; this script reads the table
 * and every import of `src`, and fails on an import that the table does not allow, on an import cycle (of values or of
 * types), and on a room that the table forgot or that no longer exists.
 *
 * Run it with `npm run check:imports`.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { posix } from "node:path"

interface Import {
  readonly from: string
  readonly to: string
}

/** The source files, by the path that git knows. New files count before they are committed. */
const sourceFiles = (): ReadonlyArray<string> =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "src"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".d.ts"))

/** The room of a file: a folder of `src/internal`, or `public`, `nbow`, `ui`. A loose file is a room of its own. */
const roomOf = (file: string): string => {
  const internal = /^src\/internal\/(?:(.+)\/)?([^/]+)\.tsx?$/.exec(file)
  if (internal !== null) return internal[1] ?? (internal[2] as string) // the name always matches
  if (file.startsWith("src/nbow/")) return "nbow"
  if (file.startsWith("src/ui/")) return "ui"
  return "public"
}

/** Static and dynamic imports of files of this project, by value or by type. */
const importsOf = (file: string, files: ReadonlySet<string>): ReadonlyArray<Import & { readonly lazy: boolean }> => {
  const text = readFileSync(file, "utf8")
  const imports: Array<Import & { readonly lazy: boolean }> = []
  for (const [, fixed, lazy] of text.matchAll(
    /^(?:import|export)\b[^;"]*?from\s+"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm
  )) {
    const to = posix.join(posix.dirname(file), (fixed ?? lazy) as string) // one of the two groups matched
    if (files.has(to)) imports.push({ from: file, to, lazy: lazy !== undefined })
  }
  return imports
}

/** Groups of files that import one another, found by Tarjan's algorithm (SIAM J. Comput. 1 (1972) 146–160). */
const cyclesOf = (
  files: ReadonlyArray<string>,
  imports: ReadonlyArray<Import>
): ReadonlyArray<ReadonlyArray<string>> => {
  const targets = Map.groupBy(imports, ({ from }) => from)
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: Array<string> = []
  const cycles: Array<ReadonlyArray<string>> = []
  const visit = (file: string): number => {
    const index = order.size
    order.set(file, index)
    stack.push(file)
    let low = index
    for (const { to } of targets.get(file) ?? []) {
      if (!order.has(to)) low = Math.min(low, visit(to))
      else if (stack.includes(to)) low = Math.min(low, lowest.get(to) ?? (order.get(to) as number)) // visited
    }
    lowest.set(file, low)
    if (low === index) {
      const members = stack.splice(stack.indexOf(file))
      if (members.length > 1) cycles.push(members)
    }
    return low
  }
  for (const file of files) if (!order.has(file)) visit(file)
  return cycles
}

/** The table of the map: a row `| room | what is in it | rooms that it may import |`. */
const readMap = (): ReadonlyMap<string, ReadonlySet<string>> => {
  const rows = new Map<string, ReadonlySet<string>>()
  for (const line of readFileSync("src/README.md", "utf8").split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim())
    const room = /^`([^`]+)`$/.exec(cells[1] ?? "")?.[1]
    if (room === undefined || cells.length < 5) continue
    rows.set(
      room.replace(/\/$/, ""),
      new Set([...(cells[3] as string).matchAll(/`([^`]+)`/g)].map(([, name]) => (name as string).replace(/\/$/, ""))) // the cell and the group exist
    )
  }
  return rows
}

const files = sourceFiles()
const known = new Set(files)
const imports = files.flatMap((file) => importsOf(file, known))
const allowed = readMap()
const problems: Array<string> = []

for (const cycle of cyclesOf(
  files,
  imports.filter(({ lazy }) => !lazy)
)) {
  problems.push(`import cycle: ${cycle.join(" → ")} → ${cycle[0]}`)
}
const rooms = new Set(files.map(roomOf))
for (const room of rooms) {
  if (!allowed.has(room)) problems.push(`src/README.md has no row for the room "${room}"`)
}
for (const [room, targets] of allowed) {
  if (!rooms.has(room)) problems.push(`src/README.md names the room "${room}", which does not exist`)
  for (const target of targets) {
    if (!rooms.has(target)) problems.push(`src/README.md lets "${room}" import "${target}", which does not exist`)
  }
}
for (const { from, to } of imports) {
  const [source, target] = [roomOf(from), roomOf(to)]
  if (source === target || allowed.get(source)?.has(target) !== false) continue
  problems.push(`${from} imports ${to}, but src/README.md does not let "${source}" import "${target}"`)
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  console.error(
    `\n${problems.length} ${problems.length === 1 ? "import breaks" : "imports break"} the map in src/README.md.`
  )
  process.exitCode = 1
} else {
  console.log(`${files.length} files in ${rooms.size} rooms: every import is on the map, and there is no cycle.`)
}
