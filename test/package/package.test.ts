/** The published package, in the hands of the tools and runtimes that people use. Run it with `npm run test:package`. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Fixtures from "./fixtures.ts"
import { copyOf, directory, install, manifest, must, pack, project, readmeBlocks, repository, run } from "./project.ts"

/** Where the tools are, each under a name of its own, so that several versions of one stand side by side. */
const tools = join(directory, "tools")
const tool = (path: string): string => join(tools, "node_modules", path)

/** An application that has the package and its peers, and nothing else. */
const app = join(directory, "app")

let tarball: string

const esbuild = (entry: string, format: "esm" | "cjs", outfile: string) =>
  must(app, [
    tool(".bin/esbuild"),
    entry,
    "--bundle",
    "--platform=node",
    `--format=${format}`,
    `--outfile=${outfile}`,
    "--log-level=error"
  ])

const report = '"pipelines", of 21 letters in all'

beforeAll(async () => {
  tarball = await pack()
  const installed = [
    ...["node22@npm:node@22", "node24@npm:node@24", "node26@npm:node@26", "node20@npm:node@20"],
    ...["typescript59@npm:typescript@~5.9.0", "typescript6@npm:typescript@6", "typescript7@npm:typescript@7"],
    ...["esbuild@0.28", "jest@30", "pnpm@12", "bun@1", "deno@2", "publint@0.3", "@arethetypeswrong/cli@0.18"]
  ]
  const allowScripts = {
    bun: true,
    deno: true,
    esbuild: true,
    pnpm: true,
    node20: true,
    node22: true,
    node24: true,
    node26: true
  }
  project("tools", { "package.json": manifest({ allowScripts }) })
  await install(tools, ...installed)
  project("app", {
    "package.json": manifest(),
    "words.ts": Fixtures.words(readmeBlocks()),
    "main.ts": Fixtures.main,
    "app.ts": Fixtures.app,
    "threads.ts": Fixtures.threads,
    "consumer.cjs": Fixtures.consumer,
    "words.test.js": Fixtures.jest,
    "surface.ts": Fixtures.surface
  })
  cpSync(join(repository, "examples"), join(app, "examples"), {
    recursive: true,
    filter: (path) => !path.endsWith(".parquet")
  })
  await install(app, tarball, "effect@4", "@effect/platform-node@4", "@types/node@24")
  for (const entry of ["words", "main", "threads"]) {
    await must(app, [tool(".bin/esbuild"), `${entry}.ts`, "--format=esm", `--outfile=${entry}.js`, "--log-level=error"])
  }
}, 600_000)

afterAll(() => rmSync(directory, { recursive: true, force: true }), 300_000)

describe("the tarball", () => {
  const root = join(app, "node_modules", "effect-flow")

  it("has nothing that only development needs", () => {
    const published = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>
    for (const field of ["scripts", "devDependencies", "knip", "allowScripts"]) assert.notProperty(published, field)
    for (const field of ["repository", "homepage", "bugs", "license"]) assert.property(published, field)
    assert.notProperty(JSON.parse(readFileSync(join(repository, "package.json"), "utf8")).exports, "./internal/x")
    assert.sameMembers(
      readdirSync(root).filter((name) => name !== "node_modules"),
      ["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json", "src"]
    )
    assert.property(JSON.parse(readFileSync(join(repository, "package.json"), "utf8")), "scripts") // it was put back
  })

  it("has a README whose links lead somewhere on npm", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8")
    for (const [, target = ""] of readme.matchAll(/\]\(([^)]+)\)/g)) {
      assert.match(target, /^(https:|#)/)
      const path = /effect-flow\/effect-flow\/(?:blob\/)?main\/([^#]+)/.exec(target)?.[1]
      if (path !== undefined) assert.isTrue(existsSync(join(repository, path)), `${target} leads to no file`)
    }
  })

  it("satisfies publint and are-the-types-wrong", async () => {
    await must(root, [process.execPath, tool("publint/src/cli.js"), "--strict"])
    await must(app, [process.execPath, tool("@arethetypeswrong/cli/dist/index.js"), tarball, "--profile", "esm-only"])
  })

  it("opens its public modules and closes the others", async () => {
    const open = ["effect-flow", "effect-flow/Step", "effect-flow/nbow", "effect-flow/nbow/Nbow", "effect-flow/testing"]
    const closed = [
      "effect-flow/internal/run/runFlow",
      "effect-flow/nbow/internal/train",
      "effect-flow/bin",
      "effect-flow/index"
    ]
    const code = `for (const name of ${JSON.stringify([...open, ...closed])}) await import(name).then(() => console.log(name), (error) => error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED" || console.log(error))`
    const { stdout } = await must(app, [process.execPath, "--input-type=module", "-e", code])
    assert.deepStrictEqual(stdout.trim().split("\n"), open)
  })
})

describe("declarations", () => {
  for (const version of ["59", "6", "7"]) {
    it(`are written by TypeScript ${version.replace("5", "5.")}`, async () => {
      const config = `tsconfig.${version}.json`
      const outDir = join(app, `out-${version}`)
      project("app", { [config]: Fixtures.tsconfig(outDir) })
      await must(app, [process.execPath, tool(`typescript${version}/bin/tsc`), "-p", config])
      assert.isTrue(existsSync(join(outDir, "examples", "branch.d.ts")))
      const words = readFileSync(join(outDir, "words.d.ts"), "utf8")
      assert.include(words, 'WordsFlow: Flow.Flow<"WordsFlow"')
      assert.notInclude(words, "/dist/")
    })
  }
})

describe("a project without `strict`", () => {
  it("compiles", async () => {
    project("app", { "tsconfig.loose.json": Fixtures.loose })
    await must(app, [process.execPath, tool("typescript7/bin/tsc"), "-p", "tsconfig.loose.json"])
  })
})

describe("the README's quick start", () => {
  it("is enough: its packages and its tsconfig.json compile all that the README shows, and its test passes", async () => {
    const [words = "", test = "", ...others] = readmeBlocks()
    const [config = ""] = readmeBlocks("json")
    const root = project("start", {
      "package.json": manifest(),
      "tsconfig.json": config,
      "words.ts": words,
      "words.test.ts": test,
      ...Object.fromEntries(others.map((code, index) => [`block-${index}.ts`, code]))
    })
    await install(root, tarball, "effect@4", "@effect/platform-node@4")
    await install(root, "--save-dev", "typescript", "tsx", "@types/node", "vitest", "@effect/vitest")
    await must(root, ["npx", "tsc", "-p", "."])
    await must(root, ["npx", "vitest", "run"])
    const { stdout } = await must(root, ["npx", "tsx", "words.ts"])
    assert.deepStrictEqual(JSON.parse(stdout), { report })
  }, 600_000)
})

describe("a bundle in one file, in an empty folder", () => {
  for (const [format, extension] of [
    ["esm", "mjs"],
    ["cjs", "cjs"]
  ] as const) {
    it(`runs a flow, and its command line, as ${format}`, async () => {
      const empty = join(directory, `bundle-${format}`)
      mkdirSync(empty)
      for (const entry of ["app", "main", "threads"])
        await esbuild(`${entry}.ts`, format, join(empty, `${entry}.${extension}`))
      const ran = await must(empty, [process.execPath, `app.${extension}`])
      assert.strictEqual(ran.stdout.trim(), report)
      const cli = await must(empty, [process.execPath, `main.${extension}`])
      assert.include(cli.stderr, "artifacts in .effect-flow")
      assert.strictEqual(JSON.parse(cli.stdout).report, report)
      const help = await must(empty, [process.execPath, `main.${extension}`, "--version"])
      assert.include(help.stdout, JSON.parse(readFileSync(join(repository, "package.json"), "utf8")).version)
      const threads = await run(empty, [process.execPath, `threads.${extension}`])
      assert.strictEqual(threads.code, 1)
      assert.match(threads.output, /A worker thread could not be started: effect-flow is part of a bundle/)
    })
  }
})

describe("a runtime", () => {
  const runtimes: Readonly<Record<string, ReadonlyArray<string>>> = {
    "Node 22": [tool("node22/bin/node")],
    "Node 24": [tool("node24/bin/node")],
    "Node 26": [tool("node26/bin/node")],
    Bun: [tool(".bin/bun")],
    Deno: [tool(".bin/deno"), "run", "-A"]
  }
  for (const [name, command] of Object.entries(runtimes)) {
    it(`runs fibers, threads and the command line: ${name}`, async () => {
      const store = join(directory, name.replace(" ", "-"))
      const ran = await must(app, [...command, "main.js", "--directory", store])
      assert.strictEqual(JSON.parse(ran.stdout).report, report)
      const runs = await must(app, [...command, "main.js", "runs", "--directory", store])
      assert.match(runs.stdout, /succeeded/)
      const threads = await must(app, [...command, "threads.js"])
      assert.strictEqual(threads.stdout.trim(), report)
    })
  }

  it("that is too old says so in one sentence", async () => {
    for (const file of ["main.js", "node_modules/effect-flow/dist/bin.js"]) {
      const { code, output } = await run(app, [tool("node20/bin/node"), file])
      assert.strictEqual(code, 1)
      assert.match(output, /^effect-flow needs Node 22\.19 or later, and this is Node 20\.\d+\.\d+\.\n$/)
    }
  })
})

describe("a project", () => {
  it("of CommonJS requires it", async () => {
    const { stdout } = await must(app, [tool("node22/bin/node"), "consumer.cjs"])
    assert.strictEqual(stdout.trim(), report)
  })

  it("is tested with Jest", async () => {
    const env = { NODE_OPTIONS: "--experimental-vm-modules" }
    await must(
      app,
      [process.execPath, tool("jest/bin/jest.js"), "--rootDir", app, "--testMatch", "**/words.test.js"],
      env
    )
  })

  it("names a flow's package to the command line", async () => {
    const flows = join(app, "node_modules", "@me", "flows")
    project("app", {
      "node_modules/@me/flows/package.json": JSON.stringify({
        name: "@me/flows",
        type: "module",
        exports: "./words.js"
      })
    })
    cpSync(join(app, "words.js"), join(flows, "words.js"))
    const store = join(directory, "named")
    const bin = join(app, "node_modules", ".bin", "effect-flow")
    const ran = await must(app, [bin, "run", "--module", "@me/flows", "--directory", store])
    assert.strictEqual(JSON.parse(ran.stdout).report, report)
  })

  it("is installed by pnpm", async () => {
    const root = project("pnpm", { "package.json": manifest() })
    cpSync(join(app, "words.js"), join(root, "words.js"))
    cpSync(join(app, "main.js"), join(root, "main.js"))
    const store = join(directory, "pnpm-store")
    await must(root, [
      tool(".bin/pnpm"),
      "add",
      "--ignore-scripts",
      "--store-dir",
      store,
      tarball,
      "effect@4",
      "@effect/platform-node@4"
    ])
    const ran = await must(root, [process.execPath, "main.js"])
    assert.strictEqual(JSON.parse(ran.stdout).report, report)
  }, 300_000)

  it("of Next.js builds a route that trains, with Turbopack and no configuration", async () => {
    const root = project("next", { "package.json": manifest({ type: undefined }), ...Fixtures.next })
    const packages = ["next@16", "react@19", "react-dom@19", "typescript@5.9", "@types/react@19", "@types/node@24"]
    await install(root, "--ignore-scripts", tarball, "effect@4", "@effect/platform-node@4", ...packages)
    const { output } = await must(root, ["npx", "next", "build"], { NEXT_TELEMETRY_DISABLED: "1" })
    assert.include(output, "/api/train")
  }, 600_000)
})

describe("a project with a mistake", () => {
  const main = [process.execPath, "main.js"]
  const sentence = async (root: string, expected: RegExp) => {
    const { code, output } = await run(root, main)
    assert.strictEqual(code, 1)
    assert.match(output, expected)
    assert.strictEqual(output.trim().split("\n").length, 1)
  }

  it("that has two copies of effect is told so", async () => {
    const root = copyOf(app, "two")
    const nested = join(root, "node_modules", "effect-flow", "node_modules")
    mkdirSync(nested)
    cpSync(join(root, "node_modules", "effect"), join(nested, "effect"), { recursive: true })
    await sentence(root, /^This program has two copies of effect: /)
    // Both of effect-flow's packages use one, and the program the other.
    cpSync(join(root, "node_modules", "@effect"), join(nested, "@effect"), { recursive: true })
    await sentence(root, /^This program has two copies of effect: .* a schema was made with another\./)
  })

  it("that lacks a peer is told what to install", async () => {
    const root = copyOf(app, "peerless")
    rmSync(join(root, "node_modules", "@effect"), { recursive: true })
    await sentence(root, /run `npm install @effect\/platform-node`\.$/m)
    rmSync(join(root, "node_modules", "effect"), { recursive: true })
    const bin = await run(root, [process.execPath, "node_modules/effect-flow/dist/bin.js", "runs"])
    assert.strictEqual(bin.code, 1)
    assert.strictEqual(
      bin.output,
      "effect-flow needs effect beside it, and it is not installed: run `npm install effect`.\n"
    )
  })

  it("that has an older effect is refused by npm", async () => {
    const root = project("older", { "package.json": manifest({ dependencies: { effect: "4.0.5" } }) })
    const { code, output } = await run(root, [
      "npm",
      "install",
      "--no-audit",
      "--no-fund",
      "--package-lock-only",
      tarball
    ])
    assert.notStrictEqual(code, 0)
    assert.include(output, "ERESOLVE")
  })

  it("that opens a store in Postgres is told to install the driver", async () => {
    const flags = ["--database", "postgres://ada@127.0.0.1:1/db", "--blobs", directory]
    const { code, output } = await run(app, [...main, "runs", ...flags])
    assert.strictEqual(code, 1)
    assert.include(output, "run `npm install @effect/sql-pg`")
    assert.notMatch(output, /\n\s+at /)
  })

  it("that has no TensorFlow runs everything but the model", async () => {
    const root = copyOf(app, "without-tensorflow")
    rmSync(join(root, "node_modules", "@tensorflow"), { recursive: true })
    const ran = await must(root, [...main, "--directory", "store"])
    assert.strictEqual(JSON.parse(ran.stdout).report, report)
    project("without-tensorflow", { "train.js": Fixtures.train })
    const trained = await must(root, [process.execPath, "train.js"])
    assert.match(trained.stdout, /^TensorflowError: The node backend of TensorFlow\.js can't be used: /)
  })
})
