/** The README's code, for the tests that compile it and those that run it. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

const readme = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8")

/** The fenced blocks of a language, in their order. */
export const blocks = (language: string): ReadonlyArray<string> =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map((match) => match[1] as string)
