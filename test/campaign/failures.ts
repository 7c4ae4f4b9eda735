/**
 * 500 random failures on every store and executor; the run of each must be ended and recorded: `tsx test/campaign/failures.ts
 * [SEED]`. `npm run test:programs` runs each kind once.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "..", "..")
const seed = process.argv[2] ?? String(Math.floor(Math.random() * 2 ** 30))
console.log(`seed ${seed}`)
const { status } = spawnSync(
  join(root, "node_modules", ".bin", "vitest"),
  ["run", "test/internal/run/failing.test.ts", "--silent"],
  {
    cwd: root,
    env: { ...process.env, EFFECT_FLOW_FAILURES: "500", EFFECT_FLOW_FAILURES_SEED: seed },
    stdio: "inherit"
  }
)
process.exit(status ?? 1)
