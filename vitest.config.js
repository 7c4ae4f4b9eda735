import { defineConfig } from "vitest/config";
export default defineConfig({
    resolve: { tsconfigPaths: true },
    test: {
        include: ["test/**/*.test.ts"],
        testTimeout: 30_000,
        // Two workers: the suites start processes of their own, and more would only wait for each other.
        maxWorkers: 2
    }
});
//# sourceMappingURL=vitest.config.js.map