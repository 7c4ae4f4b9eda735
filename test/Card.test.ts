/** Cards: what a step appends is kept with its task, while it runs and after; what is shown of them is never markup. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as FastCheck from "fast-check"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Card from "../src/Card.ts"
import * as Flow from "../src/Flow.ts"
import * as CardMarkdown from "../src/internal/card/markdown.ts"
import { toHtml as treeToHtml } from "../src/internal/card/tree.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Card.Card))

const cardOf = Effect.fnUntraced(function* (run: string, task?: string) {
  const store = yield* RunStore
  const artifacts = yield* ArtifactStore
  const [record] = yield* store.cards({ run, ...(task === undefined ? {} : { task }) })
  if (record === undefined) return undefined
  const bytes = yield* artifacts.get(record.digest)
  return { record, card: yield* decode(new TextDecoder().decode(bytes)) }
})

const flowOf = (body: Effect.Effect<unknown>) => {
  const show = Step.make("show", { run: () => Effect.asVoid(body) })
  return Flow.make("CardFlow", { steps: [show], run: () => show() })
}

describe("Card", () => {
  it.effect("keeps what a step appended, in its order, as an artifact", () =>
    Effect.gen(function* () {
      const flow = flowOf(
        Effect.gen(function* () {
          yield* Card.append(Card.markdown("# Scores"))
          const bar = yield* Card.append(Card.progress({ title: "rows", value: 0, total: 3 }))
          yield* Card.append(
            Card.table({
              columns: ["a", "b"],
              rows: [
                [1, "x"],
                [null, true]
              ]
            })
          )
          yield* bar.update(Card.progress({ title: "rows", value: 3, total: 3 }))
        })
      )
      const { id } = yield* Flow.run(flow, {})
      const found = yield* cardOf(id)
      assert.strictEqual(found?.record.task, "show/1")
      assert.strictEqual(found?.record.attempt, 1)
      assert.deepStrictEqual(found?.card.components, [
        { _tag: "Markdown", text: "# Scores" },
        { _tag: "Progress", title: "rows", value: 3, total: 3 },
        {
          _tag: "Table",
          columns: ["a", "b"],
          rows: [
            [1, "x"],
            [null, true]
          ]
        }
      ])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is there while the step still runs, and follows it", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const first = yield* Deferred.make<void>()
      const second = yield* Deferred.make<void>()
      const flow = flowOf(
        Effect.gen(function* () {
          const bar = yield* Card.append(Card.progress({ title: "rows", value: 0, total: 2 }))
          yield* Deferred.await(first)
          yield* bar.update(Card.progress({ title: "rows", value: 1, total: 2 }))
          yield* Deferred.await(second)
        })
      )
      const fiber = yield* Effect.forkChild(Flow.run(flow, {}))
      yield* TestClock.adjust("1 second")
      const [run] = yield* store.runs({})
      const value = () =>
        Effect.map(cardOf(run?.id ?? ""), (found) => {
          const [component] = found?.card.components ?? []
          return component?._tag === "Progress" ? component.value : undefined
        })
      assert.strictEqual(yield* value(), 0)
      yield* Deferred.succeed(first, undefined)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* value(), 1)
      assert.strictEqual((yield* store.tasks({ run: run?.id ?? "" }))[0]?.status, "running")
      yield* Deferred.succeed(second, undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is kept where its step fails, and where it is large", () =>
    Effect.gen(function* () {
      const image = Card.image(new Uint8Array(200_000).fill(7), { mediaType: "image/png", alt: "noise" })
      const flow = flowOf(Effect.andThen(Card.append(image), Effect.die(new Error("broken"))))
      yield* Effect.exit(Flow.run(flow, {}))
      const store = yield* RunStore
      const [run] = yield* store.runs({})
      const found = yield* cardOf(run?.id ?? "")
      assert.deepStrictEqual(found?.card.components, [image])
      assert.isTrue((yield* store.digests()).has(found?.record.digest ?? ""))
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("writes a card that changes ten thousand times only a few times", () =>
    Effect.gen(function* () {
      const flow = flowOf(
        Effect.gen(function* () {
          const bar = yield* Card.append(Card.progress({ title: "rows", value: 0, total: 10_000 }))
          for (let value = 1; value <= 10_000; value++)
            yield* bar.update(Card.progress({ title: "rows", value, total: 10_000 }))
        })
      )
      const { id } = yield* Flow.run(flow, {})
      const found = yield* cardOf(id)
      assert.deepStrictEqual(found?.card.components, [
        { _tag: "Progress", title: "rows", value: 10_000, total: 10_000 }
      ])
      assert.isBelow(found?.record.digest === undefined ? 99 : (yield* (yield* RunStore).pulse(id)).cards, 6)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("does nothing outside a task", () =>
    Effect.gen(function* () {
      const appended = yield* Card.append(Card.markdown("nowhere"))
      yield* appended.update(Card.markdown("still nowhere"))
    })
  )

  it("takes the first thousand rows of a table, and says how many there were", () => {
    const table = Card.table({ columns: ["n"], rows: Array.from({ length: 2500 }, (_, n) => [n]) })
    assert(table._tag === "Table")
    assert.strictEqual(table.rows.length, 1000)
    assert.strictEqual(table.total, 2500)
  })
})

describe("Card.toHtml", () => {
  const report = (...components: ReadonlyArray<Card.Component>) =>
    Card.toHtml([{ title: "show/1", card: { components } }], { title: "CardFlow" })

  it("has a part of each kind, and loads and runs nothing", () => {
    const html = report(
      Card.markdown("**bold** and `code`"),
      Card.table({ title: "t", columns: ["a"], rows: [[1.5]] }),
      Card.image(new Uint8Array([1, 2, 3]), { mediaType: "image/png", alt: "three bytes" }),
      Card.line({ title: "curve", series: [{ name: "loss", x: [0, 1, 2], y: [3, null, 1] }] }),
      Card.bar({ title: "bars", labels: ["x", "y"], series: [{ name: "n", values: [1, -2] }] }),
      Card.heatmap({ rows: ["r"], columns: ["c"], values: [[4]] }),
      Card.progress({ title: "done", value: 1, total: 2 }),
      Card.artifact({ name: "model", digest: "ab".repeat(32), format: "tensors", size: 12 })
    )
    for (const part of [
      "<strong>bold</strong>",
      "<code>code</code>",
      '<td class="right">1.5</td>',
      'src="data:image/png;base64,AQID"',
      "<path",
      "<rect",
      "heat-10",
      "<progress",
      "tensors, 12 bytes"
    ]) {
      assert.include(html, part)
    }
    assert.notMatch(html, /<script|\son\w+=|<link|src="http|url\(/i)
  })

  it("shows markup as text wherever it stands", () => {
    const evil = `<img src=x onerror=alert(1)>"'><script>alert(2)</script>`
    const html = report(
      Card.markdown(`${evil}\n\n# ${evil}\n\n- ${evil}\n\n| ${evil} |\n|---|\n| ${evil} |\n\n[x](javascript:alert(3))`),
      Card.table({ title: evil, columns: [evil], rows: [[evil]] }),
      Card.line({
        title: evil,
        x: { label: evil },
        series: [
          { name: evil, x: [1], y: [1] },
          { name: evil, x: [1], y: [2] }
        ]
      }),
      Card.bar({ labels: [evil], series: [{ name: evil, values: [1] }] }),
      Card.heatmap({ rowLabel: evil, rows: [evil], columns: [evil], values: [[1]] }),
      Card.progress({ title: evil, value: 1, total: 2, unit: evil }),
      { _tag: "Image", mediaType: "image/png", data: `"><script>`, alt: evil }
    )
    assert.notMatch(html, /<script|<img src=x|javascript:/i)
  })
})

describe("Markdown of a card", () => {
  const html = (text: string) => treeToHtml(CardMarkdown.parse(text))

  it("knows what a report needs", () => {
    assert.strictEqual(
      html("# Title\n\nA *fine* **report**\nof `code`."),
      "<h3>Title</h3><p>A <em>fine</em> <strong>report</strong>\nof <code>code</code>.</p>"
    )
    assert.strictEqual(
      html("- a\n- b\n  - c\n\n1. x\n2. y"),
      "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol><li>x</li><li>y</li></ol>"
    )
    assert.strictEqual(html("> said\n> so"), "<blockquote><p>said\nso</p></blockquote>")
    assert.strictEqual(html("```ts\na < b\n```"), "<pre><code>a &lt; b</code></pre>")
    assert.strictEqual(html("a\n\n---\n\nb"), "<p>a</p><hr><p>b</p>")
    assert.strictEqual(
      html("| n | v |\n|---|--:|\n| a | 1 |"),
      '<table><thead><tr><th>n</th><th class="right">v</th></tr></thead><tbody><tr><td>a</td><td class="right">1</td></tr></tbody></table>'
    )
    assert.strictEqual(html("snake_case_name and 2 * 3 * 4"), "<p>snake_case_name and 2 * 3 * 4</p>")
    assert.strictEqual(html("\\*plain\\*"), "<p>*plain*</p>")
    assert.include(html("[docs](https://effect.website)"), 'href="https://effect.website"')
    assert.strictEqual(html("[x](data:text/html,hi)"), "<p><span>x</span></p>")
  })

  it("ends for any text, and keeps every letter of it", () => {
    const mark = FastCheck.constantFrom(
      "*",
      "_",
      "`",
      "[",
      "](",
      ")",
      "#",
      "-",
      ">",
      "|",
      "~~",
      "\n",
      " ",
      "a",
      "b1",
      "1.",
      "\\",
      "<",
      "&"
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(mark, { maxLength: 60 }), (marks) => {
        const text = marks.join("")
        const seen = html(text)
        assert.notMatch(
          seen,
          /<(?!\/?(?:a|blockquote|br|code|del|em|h[3-6]|hr|li|ol|p|pre|span|strong|table|tbody|td|th|thead|tr|ul)\b)/
        )
      }),
      { numRuns: 2000 }
    )
  })

  it("is not slow for a text that is made to be", () => {
    for (const text of [
      "*".repeat(5000),
      "[".repeat(5000),
      "`".repeat(5000),
      "> ".repeat(3000),
      "_a".repeat(4000),
      "- ".repeat(3000)
    ]) {
      assert.isString(html(text))
    }
  })
})
