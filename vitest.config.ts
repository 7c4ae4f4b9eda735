import { defineConfig } from "vitest/config"

// The page in a real browser takes longer than all the rest: `npm run test:page` runs that, and that alone.
const page = process.env.npm_lifecycle_event === "test:page"

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    include: [page ? "test/browser/**/*.test.ts" : "test/**/*.test.ts"],
    exclude: page ? [] : ["test/browser/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests that start processes, databases and browsers may meet a machine that is busy with something else.
    retry: process.env.CI ? 2 : 0,
    // Two workers: the suites start processes of their own, and more would only wait for each other.
    maxWorkers: 2
  }
})
