/** One canonical text of a function, whatever loads it; another one for every edit that means something. */
/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the texts of functions */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { canonicalCode } from "../../../src/internal/code/canonicalCode.ts"
import { codeDigest } from "../../../src/internal/code/codeDigest.ts"

const root = join(import.meta.dirname, "..", "..", "..")
const file = join(import.meta.dirname, "fixtures", "bodies.ts")
const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const modules = ["canonicalCode.ts", "codeDigest.ts"].map((name) => join(root, "src", "internal", "code", name))
const bin = (name: string) => join(root, "node_modules", ".bin", name)

/** The canonical texts of the fixture's bodies, as a process prints them. */
const textsOf = (...words: ReadonlyArray<string>): Readonly<Record<string, ReadonlyArray<string>>> =>
  JSON.parse(execFileSync(process.execPath, [...words, ...modules], { encoding: "utf8", cwd: root }))

describe("the canonical text of a body", () => {
  it("is the same in node, in tsx, and in what tsc and esbuild compiled", () => {
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"))
    writeFileSync(join(directory, "package.json"), '{"type":"module"}')
    const flags = ["--module", "nodenext", "--target", "esnext", "--types", "node", "--noCheck", "--ignoreConfig"]
    execFileSync(bin("tsc"), [...flags, "--outDir", directory, file], { cwd: root, stdio: "inherit" })
    const texts = textsOf(file)
    assert.strictEqual(Object.keys(texts).length, 12)
    assert.deepStrictEqual(textsOf("--import", "tsx", file), texts)
    assert.deepStrictEqual(textsOf(join(directory, "bodies.js")), texts)
    for (const options of [[], ["--keep-names"], ["--minify-whitespace"]]) {
      execFileSync(bin("esbuild"), [
        file,
        "--format=esm",
        ...options,
        `--outdir=${join(directory, "esbuild")}`,
        "--log-level=error"
      ])
      assert.deepStrictEqual(textsOf(join(directory, "esbuild", "bodies.js")), texts)
    }
  })

  const same: ReadonlyArray<readonly [string, string]> = [
    ["(x) => x", "x=>x /* comment */"],
    ["() => { return f(a, b) }", "() => {\n  return (f(a, b,));;\n}"],
    ['() => "a\'b"', "() => 'a\\'b'"],
    ["() => 1000 + 0x10 + .5", "() => 1_000 + 16 + 0.5"],
    ["(a, b, c) => a || b && c", "(a, b, c) => a || (b && c)"],
    ["(a, b) => (a + b) * 2", "(a, b) => ((a) + b) * (2)"],
    ["() => ({ a, b })", "() => ({ a: a, b })"],
    ["() => void 0", "() => undefined"],
    ["() => f(x)", "() => (0, __vi_import_3__.f)(x)"],
    [
      "() => { const g = () => 1; function h() {} }",
      '() => { const g = __name(() => 1, "g"); function h() {} __name(h, "h"); }'
    ],
    ["() => `a${b}c`", "() => `a${ b }c`"],
    ["() => `a\\n\\u00e9\\$`", "() => `a\né$`"],
    ["() => f`a\\n`", "() => f `a\\n`"],
    ['(a) => { if (a) /x"y/.test(a) }', '(a) => { if (a) /x"y/ . test ( a ); }'],
    ["(a) => { while (a--) /'/.exec(b) }", "(a)=>{while(a--)/'/.exec(b)}"],
    ["(a) => a++ / 2 + b / 3", "(a) => a++/2+b/3"],
    ["(a) => a.of / 2 / 3", "(a) => a.of/2/3"],
    ["() => { const été = 1 }", "() => { const \\u00e9t\\u{e9} = 1 }"],
    ["() => { if (a) return\nf() }", "() => { if (a) return; f(); }"],
    ["() => { f(); function g() {} }", '() => { f(); function g() {} __name(g, "g")}'],
    ['(a) => /\\p{L}\\/"/u.test(a)', '(a) => new RegExp("\\\\p{L}\\\\/\\"", "u").test(a)'],
    ["(a) => new (a.b)()", "(a) => new a.b"],
    ["(a) => (class extends a {})", "(a) => class extends a {}"],
    ["(a) => { switch (a) { case 1: { break } } }", "(a) => { switch (a) { case 1: { break; } } }"],
    [
      "async () => await import('x')",
      'async () => await import(\'x\').then(s=>{const e="default";return s[e]&&typeof s[e]=="object"&&"__esModule"in s[e]?s[e]:s})'
    ]
  ]
  for (const [one, other] of same) {
    it(`ignores how it is written: ${one}`, () => assert.strictEqual(canonicalCode(one), canonicalCode(other)))
  }

  const different: ReadonlyArray<readonly [string, string]> = [
    ["(a, b, c) => (a + b) * c", "(a, b, c) => a + b * c"],
    ["(a, b, c) => a - (b - c)", "(a, b, c) => a - b - c"],
    ["(a, b) => (a, b)", "(a, b) => a"],
    ["(a, b, c) => (a || b) && c", "(a, b, c) => a || (b && c)"],
    ["(a) => (-a) ** 2", "(a) => -(a ** 2)"],
    ["(a) => (a?.b).c", "(a) => a?.b.c"],
    ["(a) => !(a instanceof B)", "(a) => !a instanceof B"],
    ["(a) => new (a())()", "(a) => new a()()"],
    ["(a) => (await a)()", "(a) => await a()"],
    ["() => ({})", "() => {}"],
    ['() => "a // b"', '() => "a"'],
    ['() => "1"', "() => 1"],
    ["() => `a b`", "() => `a  b`"],
    ["() => f`\\n`", "() => f`\n`"],
    ["() => `${a}`", "() => `\\${a}`"],
    ["() => /a b/", "() => /ab/"],
    ["() => { for (;;) {} }", "() => { for (a;;) {} }"],
    ["(a) => a / 2 / 3", "(a) => a / 2 / 4"],
    ["() => [1, , 2]", "() => [1, 2]"],
    ["() => f(1)", "() => f(2)"],
    ["(a1, a2) => f(a1, a2)", "(a1, a2) => f(a2, a1)"],
    ["(a) => { const b = 1; return a }", "(a) => { const b = 1; return b }"],
    ["(a) => { { const a = 1; f(a) } g(a) }", "(a) => { { const b = 1; f(a) } g(a) }"],
    ["(a) => f(a1)", "(a) => f(a2)"],
    ["(a) => ({ a: a1 })", "(a) => ({ a1: a1 })"],
    ['(a) => -"1" + "2"', '(a) => -"12"'],
    ['(a) => a - "1" + "2"', '(a) => a - "12"'],
    ['(a) => "1" + "2" * a', '(a) => "12" * a'],
    ["() => !constructor", "() => constructor"],
    ["(a, b) => a.delete(b).c", "(a, b) => a.delete(b.c)"],
    ["(a) => Array.of(a).b", "(a) => Array.of(a.b)"],
    ["() => { return\nf() }", "() => { return f() }"],
    ["() => { for (;;) { continue\na } }", "() => { for (;;) { continue; } a }"],
    ["() => { const a = b\n;[c] = d }", "() => { const a = b\n[c] = d }"],
    ["() => { const a = b\n;(function () {})() }", "() => { const a = b\n(function () {})() }"],
    ["() => { a = b; -c }", "() => { a = b - c }"],
    ["(a) => { if (a); f() }", "(a) => { if (a) f() }"],
    ["() => [,]", "() => []"]
  ]
  it("has an end, whatever is read", () => assert.isString(canonicalCode("() => ) /\"/ ` ${ '")))

  for (const [one, other] of different) {
    it(`tells ${one} from ${other}`, () => assert.notStrictEqual(canonicalCode(one), canonicalCode(other)))
  }
})

describe("the digest of a body", () => {
  it("is that of the function inside Effect.fnUntraced and Effect.fn", () => {
    const one = Effect.fnUntraced(function* (x: number) {
      return yield* Effect.succeed(x)
    })
    const again = Effect.fnUntraced(function* (x: number) {
      // the same, with a comment
      return yield* Effect.succeed(x)
    })
    const other = Effect.fnUntraced(function* (x: number) {
      return yield* Effect.succeed(x + 1)
    })
    const piped = Effect.fnUntraced(
      function* (x: number) {
        return yield* Effect.succeed(x)
      },
      (effect) => Effect.map(effect, (x) => x + 1)
    )
    const traced = Effect.fn("x")(function* (x: number) {
      return yield* Effect.succeed(x)
    })
    assert.match(codeDigest(one), /^[0-9a-f]{64}$/)
    assert.strictEqual(codeDigest(again), codeDigest(one))
    assert.strictEqual(codeDigest(traced), codeDigest(one))
    assert.notStrictEqual(codeDigest(other), codeDigest(one))
    assert.notStrictEqual(codeDigest(piped), codeDigest(one))
  })

  it("is empty where the source can't be read", () => {
    const bound = ((x: number) => x).bind(undefined)
    assert.strictEqual(codeDigest(bound), "")
  })
})
