/** The tutorial's own data, which are no part of the project: tests of them run where they are. */
import { existsSync } from "node:fs"
import { join } from "node:path"

const directory = join(import.meta.dirname, "../../../shared/data")

/** Whether the data are here. */
export const hasData = existsSync(join(directory, "train.parquet"))

if (!hasData) console.warn("Skipped: the tutorial's data are not in ../shared/data")

/** The path of a file of the data. */
export const dataFile = (name: string): string => join(directory, name)
