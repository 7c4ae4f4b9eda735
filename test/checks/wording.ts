/**
 * Keeps sentences out that were rewritten because they needed two readings, and names that say nothing about what they
 * hold. A line that needs one of these words for another reason is listed in `allowed`.
 *
 * Run it with `npm run check:wording`.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const retired: ReadonlyArray<RegExp> = [
  // Messages.
  /no UTF-8 text/,
  /is no port\b/,
  /another number of/,
  /is there no more/,
  /is none of Postgres/,
  /is an argument too many/,
  /no such question/,
  /already stands for another/,
  /the flow looks at the value/,
  // Names.
  /\bglance\b/,
  /\bpatience\b/,
  /\bFlaw\b/,
  /\bstead\b/,
  /\b(Begun|Leaving|Crossing|Drawing|Misuse)\b(?! [a-z])/,
  /\b(interface|type|class) Asked\b/,
  /\b(interval|silence|hiddenFor|grace|beat) = [\d_]+$/, // a time without a unit
  /\/(misuse|untyped|crossing|drawing)\.ts/,
  // Comments.
  /[Ww]hat who watches/,
  /found out by who/,
  /who runs does not undo/,
  /is told of, and how often/,
  /keeps its work from the others/,
  /Said this way, because/,
  /says more of `A`/,
  /had not come to yet counts/,
  /is that task and no new one/,
  /may give five to one of two/,
  /leaves to whose it is/,
  /where that has no answer soon/,
  /who reads on from it/,
  /costs nothing but its turn/,
  /beyond that are the modules/,
  /it is waited for longer/,
  /misses nothing and holds nobody up/,
  /for who does not see it/,
  /costs no question/,
  /is held against the nearest/,
  /\bunless told\b/,
  /\b[Ww]hoever\b/,
  /(\*|\/\/) .*\b(for|to|by|from|so that|as|and|that) who\b(?! \w+ed\b)/, // "who reads" in the place of a noun
  /(\*|\/\/|\.) Who (reads|writes|runs|asks|looks|scrolls|comes|watches|goes)\b/,
  /there is nobody to tell/,
  /is of no use to a plan/,
  /[Ss]o many (lines|milliseconds|terms|bytes) /,
  /Once that is mended/,
  /[Gg]o on from here/,
  /may be given several times/,
  /goes over a list/,
  /and there is no arm/,
  /(must be|must return) .*, and it (is|returned)/,
  /made and never run/,
  /came upon something/,
  /cross as what it is/,
  /has not this\b/,
  /[Nn]othing was logged/,
  /was given nothing|It wrote nothing/,
  /(?<!there )is no (file|list|number|terminal|date|integer|flow|task|ULID)\b/,
  /are no model\b/,
  /no finite number/,
  /within its length|below its length/,
  /which is the reason of each/,
  /(?<!there )\b(is|are) no (JSON|object|text|schema|condition|part)\b/,
  /of no size that could be|no (size|number of values) that could be/,
  /that was to be observed/,
  /goes on, in whatever process/,
  /(stand|stands) on, to another/,
  /the run that stands for a run/
]

/** Words with another, established meaning where they stand. */
const allowed: ReadonlyArray<RegExp> = [
  /^(src\/nbow\/|examples\/keras\.ts).*\bpatience\b/, // the established name of an option of early stopping
  /^(src\/Worker\.ts|examples\/cluster\/|src\/internal\/workers\/cluster\/).*\bpatience\b/, // the name of a worker's option
  /^src\/internal\/workers\/cluster\/(runs|settings)\.ts/,
  /^src\/nbow\/internal\/stopWords\.ts/, // the words themselves
  /at a glance/
]

const files = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "src", "examples", "README.md"],
  {
    encoding: "utf8"
  }
)
  .split("\n")
  .filter((file) => /\.(tsx?|md)$/.test(file))

const found = files.flatMap((file) =>
  readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, index) => {
      const pattern = retired.find((pattern) => pattern.test(text))
      if (pattern === undefined || allowed.some((exception) => exception.test(`${file}: ${text}`))) return []
      return [`${file}:${index + 1}: ${text.trim()}`]
    })
)

for (const line of found) console.error(line)
console.log(`${files.length} files: ${found.length === 0 ? "no" : found.length} retired words or sentences.`)
process.exitCode = found.length === 0 ? 0 : 1
