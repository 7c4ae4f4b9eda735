import { defineConfig } from "vitest/config"

// Two groups of tests take long and have commands of their own, which run them alone: the page in a real browser, and the
// packed package in the hands of other tools.
const groups: Readonly<Record<string, string>> = {
  "test:page": "test/browser/**",
  "test:package": "test/package/**"
}
const chosen = groups[process.env.npm_lifecycle_event ?? ""]

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    include: [chosen === undefined ? "test/**/*.test.ts" : `${chosen}/*.test.ts`],
    exclude: chosen === undefined ? Object.values(groups) : [],
    globalSetup: ["test/support/sharedServer.ts"],
    testTimeout: chosen === groups["test:package"] ? 300_000 : 60_000,
    hookTimeout: 60_000,
    // Two workers: the suites start processes of their own, and more would only wait for each other.
    maxWorkers: 2
  }
})
