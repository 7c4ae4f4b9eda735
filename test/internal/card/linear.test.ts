/**
 * Cards that once took minutes or all memory: texts on which an expression tried every way to match, and numbers beyond the
 * integers that a double counts. The inputs are so large that quadratic work would not end within a test's time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Card from "../../../src/Card.ts"
import { ticks } from "../../../src/internal/card/charts.ts"
import { parse } from "../../../src/internal/card/markdown.ts"
import type { Node } from "../../../src/internal/card/tree.ts"

const size = 100_000
const html = (...components: ReadonlyArray<Card.Component>) =>
  Card.toHtml([{ title: "a", card: { components } }], { title: "t" })
const textOf = (nodes: ReadonlyArray<Node>): string =>
  nodes.map((node) => (typeof node === "string" ? node : textOf(node.children))).join("")

describe("Markdown of any length", () => {
  const blanks = " ".repeat(size)
  const texts: Readonly<Record<string, string>> = {
    "a heading with blanks in it": `# a${blanks}b`,
    "a heading of blanks and marks": `# a${" #".repeat(size)}b`,
    "blanks in a paragraph": `a${blanks}b`,
    "a fence with a backtick at its end": `\`\`\`${blanks}\``,
    "a rule that is none": `---${blanks}x`,
    "a divider that is none": `a|b\n${blanks}x`,
    "a divider of blanks": `a|b\n-${blanks}-${blanks}x`,
    "backticks without an end": "`a``b".repeat(size),
    "backticks of every length": Array.from({ length: 400 }, (_, i) => "`".repeat(i + 1)).join(" "),
    "emphasis without an end": "*a ".repeat(size),
    "strong without an end": "**a ".repeat(size),
    "underscores without an end": "_a ".repeat(size),
    "strokes without an end": "~~a ".repeat(size),
    "brackets without an end": "[".repeat(size),
    "labels without targets": "[a]".repeat(size),
    "links without an end": "[a](b".repeat(size),
    "a link with blanks": `[a](${blanks}b`,
    "a link with a title without an end": '[a](b "'.repeat(size),
    "an address of dots": `http://${".".repeat(size)}`,
    "quotes within quotes": ">".repeat(size),
    "lists within lists": "- ".repeat(size),
    backslashes: "\\".repeat(size)
  }
  for (const [name, text] of Object.entries(texts)) {
    it(`takes ${name}`, () => {
      assert.isAbove(html(Card.markdown(text)).length, 100)
    })
  }

  it("loses no letter, whatever the marks around it", () => {
    const piece = fc.constantFrom(
      "*",
      "**",
      "_",
      "~~",
      "`",
      "[",
      "]",
      "(",
      ")",
      "!",
      "\\",
      " ",
      "x",
      "y1",
      "\n",
      "| ",
      "#",
      "- "
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join("")
        // The target of a link and the language of a block of code are no text, so texts with them are left out.
        fc.pre(!/\]\(|```|~~~/.test(text))
        const letters = (text: string) => text.replace(/[^xy1]/g, "")
        assert.strictEqual(letters(textOf(parse(text))), letters(text))
      })
    )
  })

  it("keeps what CommonMark says of headings, breaks and words", () => {
    assert.include(html(Card.markdown("## C# and F# ##")), "<h4>C# and F#</h4>")
    assert.include(html(Card.markdown("# C#")), "<h3>C#</h3>")
    assert.include(html(Card.markdown("one  \ntwo")), "<p>one<br>two</p>")
    assert.include(html(Card.markdown("snake_case *is* a_b_")), "<p>snake_case <em>is</em> a_b_</p>")
    assert.include(html(Card.markdown("`` a`b `` and **c*d**")), "<code>a`b</code> and <strong>c*d</strong>")
    assert.include(
      html(Card.markdown('[a](http://b/c_(d) "e") http://f.g.')),
      '<a href="http://b/c_(d)" rel="noreferrer noopener" target="_blank">a</a> <a href="http://f.g"'
    )
    assert.include(html(Card.markdown("[a](javascript:b)")), "<span>a</span>")
  })
})

describe("charts of any numbers", () => {
  it("have few ticks, in order and within the axis", () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(double, double, (a, b) => {
        const [min, max] = a < b ? [a, b] : [b, a]
        const found = ticks(min, max, 5)
        assert.isAtLeast(found.length, 1)
        assert.isAtMost(found.length, 11)
        for (const [i, value] of found.entries()) assert.isTrue(i === 0 || value > (found[i - 1] ?? value))
      })
    )
    assert.deepStrictEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10])
  })

  it("are drawn where a series is constant, huge or tiny", () => {
    for (const y of [5_000_000_000_000_001, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 0, 2 ** 53]) {
      const text = html(
        Card.line({ series: [{ name: "bytes", x: [0, 1, 2], y: [y, y, y] }] }),
        Card.line({ series: [{ name: "bytes", x: [y, y + 1, y + 2], y: [y, y + 1, -y] }] }),
        Card.bar({ labels: ["a", "b"], series: [{ name: "bytes", values: [y, -y] }] })
      )
      assert.notMatch(text, /NaN|Infinity/)
    }
  })
})
