import { sep } from "node:path"
import { defaultServerConditions } from "vite"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import { named } from "./test/support/named.ts"

/**
 * The tests that have commands of their own, because they take long. `npm test` runs the others,
 * which need little more than this process and a Postgres.
 */
const groups: Readonly<Record<string, ReadonlyArray<string>>> = {
  // The command line, the examples, README's programs and killed drivers as processes; worker threads; an object storage
  // server.
  "test:programs": [
    "test/cli/**",
    "test/examples/**",
    "test/executor/**",
    "test/internal/code/**",
    "test/internal/life/**",
    "test/internal/run/failing.test.ts",
    "test/internal/s3/{credentials,faults,objects}.test.ts",
    "test/internal/store/{away,badMedium,campaigns,reading}.test.ts",
    "test/internal/workers/**",
    "test/nbow/checkpoints.test.ts",
    "test/acceptance/bucket.test.ts",
    "test/ArtifactStoreS3.test.ts",
    "test/artifactValues.test.ts",
    "test/CurrentTask.test.ts",
    "test/examples.test.ts",
    "test/Executor.test.ts",
    "test/FlowCli.test.ts",
    "test/life.test.ts",
    "test/README.test.ts",
    "test/secrets.test.ts",
    "test/Storage.test.ts",
    "test/StoragePostgres.test.ts",
    "test/StorageS3.test.ts",
    "test/values.test.ts"
  ],
  // Workers of a cluster, as processes that are started, cut off and killed.
  "test:cluster": ["test/cluster/**"],
  // The page in a real browser, and the packed package in the hands of other tools. They run alone.
  "test:page": ["test/browser/**"],
  "test:package": ["test/package/**"]
}
/** Groups in which other programs take part: a browser, tools and runtimes. They are slow, and share nothing with others. */
const foreign: ReadonlyArray<string> = ["test:page", "test:package"]

const command = process.env.npm_lifecycle_event ?? ""
const isForeign = foreign.includes(command)
/** Files that an argument names are run, whatever group they are in; those of a foreign group by their folder only. */
const isNamed = (group: string, files: ReadonlyArray<string>): boolean =>
  foreign.includes(group)
    ? named.some((argument) => files.some((folder) => argument.includes(folder.replace("/**", ""))))
    : named.length > 0
const others = Object.entries(groups).flatMap(([group, files]) =>
  group === command || isNamed(group, files) ? [] : files
)

// The longest files. They start first, so that none is left to run alone at the end. Suites that mostly wait (for processes,
// clusters, servers) alternate with those that compute.
const longest = [
  "cluster/deaths",
  "cluster/versions",
  "acceptance/acceptance",
  "executor/acceptance",
  "cluster/cluster",
  "life",
  "cluster/campaign",
  "ArtifactStore",
  "Executor",
  "FlowCli",
  "RunStore",
  "ArtifactStoreS3",
  "nbow/checkpoints",
  "cluster/misconfigured",
  "StorageS3",
  "acceptance/bucket",
  "types",
  "CurrentTask",
  "cli/telemetry",
  "cluster/bucket",
  "cluster/acceptance",
  "cli/worker",
  "cluster/life",
  "examples/server",
  "cluster/operators",
  "cli/ends",
  "internal/store/campaigns",
  "examples/nlp",
  "StoragePostgres",
  "nbow/architectures",
  "Verify",
  "README",
  "secrets",
  "Storage"
]

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) =>
        moduleId.endsWith(`${sep}test${sep}${name.replaceAll("/", sep)}.test.ts`)
      )
      return place === -1 ? longest.length : place
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  // Tests import the library by its name, and get its source. Without the condition "module", under which some packages
  // have files that only bundlers can read.
  ssr: {
    resolve: { conditions: ["effect-flow-source", ...defaultServerConditions.filter((name) => name !== "module")] }
  },
  test: {
    include: (groups[command] ?? ["test/**"]).map((files) => files.replace(/\*\*$/, "**/*.test.ts")),
    exclude: others,
    globalSetup: ["test/support/sharedServer.ts"],
    setupFiles: !isForeign && process.argv.includes("run") ? ["test/support/testFiles.ts"] : [],
    // Much longer than any takes: a busy machine is no reason to fail.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    sequence: { sequencer: LongestFirst },
    // A worker keeps the library's modules from one file to the next: loading them for each file took half of the time.
    isolate: isForeign,
    // Node imports the tests and the sources itself, and keeps what it compiled. Vite's module runner makes each use of an
    // import a look-up in an object, which costs the tests a tenth more.
    experimental: { viteModuleRunner: isForeign, nodeLoader: false },
    // Thousands of short runs leave much garbage. With room for it, and without helper threads that take the processors from
    // other workers, the tests need a tenth less time.
    execArgv: [
      "--min-semi-space-size=64",
      "--max-semi-space-size=128",
      "--initial-heap-size=512",
      "--single-threaded-gc"
    ],
    // More than two, because a suite that waits for a cluster needs no processor; not many more, because the suites start
    // processes of their own.
    maxWorkers: 4
  }
})
