/**
 * 1,000 random tables through the writer, read back and read by DuckDB: `tsx test/campaign/parquet-tables.ts [SEED]`.
 * `npm test` makes a few of them.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "..", "..")
const seed = process.argv[2] ?? String(Math.floor(Math.random() * 2 ** 30))
console.log(`seed ${seed}`)
const { status } = spawnSync(
  join(root, "node_modules", ".bin", "vitest"),
  ["run", "test/internal/parquet/random.test.ts", "--testTimeout", "600000"],
  {
    cwd: root,
    env: { ...process.env, EFFECT_FLOW_TABLES: "1000", EFFECT_FLOW_TABLES_SEED: seed },
    stdio: "inherit"
  }
)
process.exit(status ?? 1)
