/**
 * 2,000 random mutations of Parquet files; each must end in a table or in a typed error, within 100 MiB, and prints how
 * long the slowest took: `tsx test/campaign/parquet-mutations.ts [SEED]`. `npm test` makes a tenth of them.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "..", "..")
const seed = process.argv[2] ?? String(Math.floor(Math.random() * 2 ** 30))
console.log(`seed ${seed}`)
const { status } = spawnSync(
  join(root, "node_modules", ".bin", "vitest"),
  ["run", "test/internal/parquet/hostile.test.ts", "--testTimeout", "600000"],
  {
    cwd: root,
    env: { ...process.env, EFFECT_FLOW_MUTATIONS: "2000", EFFECT_FLOW_MUTATIONS_SEED: seed },
    stdio: "inherit"
  }
)
process.exit(status ?? 1)
