/**
 * A card is a task's own report. A step appends parts (text, tables, charts, images, progress) as data; they are stored
 * as an artifact with the run, shown live on the web page, and exported by the verb `card` as one HTML file. Text in a
 * card is never interpreted as HTML.
 *
 * @example
 * ```ts
 * run: Effect.fnUntraced(function*({ rows }) {
 *   yield* Card.append(Card.markdown(`## ${rows.length} rows`))
 *   const bar = yield* Card.append(Card.progress({ title: "scored", value: 0, total: rows.length }))
 *   for (const [index, row] of rows.entries()) {
 *     yield* score(row)
 *     yield* bar.update(Card.progress({ title: "scored", value: index + 1, total: rows.length }))
 *   }
 * })
 * ```
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CurrentTask } from "./CurrentTask.ts"
import type { Card as CardType, Component } from "./internal/card/data.ts"
import * as CardData from "./internal/card/data.ts"
import type { Ref } from "./Ref.ts"

/** A part of a card. */
export type { Component } from "./internal/card/data.ts"
export { toHtml } from "./internal/card/report.ts"

/** The schema of a card: its parts, from top to bottom. */
export const Card = CardData.Card

/** A card: its parts, from top to bottom. */
export type Card = CardType

/** An appended part, which can be replaced. */
export interface Appended {
  /** Replaces the part. */
  readonly update: (component: Component) => Effect.Effect<void>
}

type Data<T extends Component["_tag"]> = Omit<Extract<Component, { _tag: T }>, "_tag">

/**
 * Text in Markdown: headings, lists, tables, quotes, code, emphasis and links. HTML in it is shown as it is written.
 *
 * @example
 * ```ts
 * yield* Card.append(Card.markdown("# Result\n\n**0.94** of the reviews are classified correctly."))
 * ```
 */
export const markdown = (text: string): Component => ({ _tag: "Markdown", text })

/** The number of rows of a table that a card keeps. */
const rowsLimit = 1000

/**
 * A table. A card keeps its first 1,000 rows and the total number of rows.
 *
 * @param data.rows A list of values for each row, in the order of `columns`.
 *
 * @example
 * ```ts
 * yield* Card.append(Card.table({ columns: ["rate", "auc"], rows: [[0.1, 0.81], [0.01, 0.9]] }))
 * ```
 */
export const table = (data: Data<"Table">): Component =>
  data.rows.length <= rowsLimit
    ? { _tag: "Table", ...data }
    : { _tag: "Table", ...data, rows: data.rows.slice(0, rowsLimit), total: data.total ?? data.rows.length }

/**
 * An image.
 *
 * @param bytes The encoded image, PNG for example.
 * @param options.mediaType The format of `bytes`.
 * @param options.alt Alternative text for screen readers.
 * @param options.title Shown above the image.
 *
 * @example
 * ```ts
 * yield* Card.append(Card.image(png, { mediaType: "image/png", alt: "The loss falls from 0.7 to 0.2" }))
 * ```
 */
export const image = (
  bytes: Uint8Array,
  options: {
    /** The format of `bytes`. */
    readonly mediaType: Data<"Image">["mediaType"]
    /** Alternative text for screen readers. */
    readonly alt: string
    /** Shown above the image. */
    readonly title?: string
  }
): Component => ({ _tag: "Image", ...options, data: Buffer.from(bytes).toString("base64") })

/**
 * Lines over a common axis. A `null` among the values is a gap.
 *
 * @example
 * ```ts
 * yield* Card.append(Card.line({ title: "Loss", series: [{ name: "train", x: [1, 2, 3], y: [0.7, null, 0.2] }] }))
 * ```
 */
export const line = (data: Data<"Line">): Component => ({ _tag: "Line", ...data })

/**
 * Bars side by side at each label.
 *
 * @example
 * ```ts
 * yield* Card.append(Card.bar({ labels: ["negative", "positive"], series: [{ name: "reviews", values: [120, 80] }] }))
 * ```
 */
export const bar = (data: Data<"Bar">): Component => ({ _tag: "Bar", ...data })

/**
 * A table whose cells are darker the farther their values are from 0.
 *
 * @example
 * ```ts
 * yield* Card.append(Card.heatmap({ rows: ["negative", "positive"], columns: ["negative", "positive"], values: [[118, 2], [5, 75]] }))
 * ```
 */
export const heatmap = (data: Data<"Heatmap">): Component => ({ _tag: "Heatmap", ...data })

/**
 * A progress bar.
 *
 * @example
 * ```ts
 * const bar = yield* Card.append(Card.progress({ title: "Epochs", value: 0, total: 10 }))
 * yield* bar.update(Card.progress({ title: "Epochs", value: 10, total: 10 }))
 * ```
 */
export const progress = (data: Data<"Progress">): Component => ({ _tag: "Progress", ...data })

/**
 * A link to an artifact, with its size and format.
 *
 * @example
 * ```ts
 * yield* Card.append(Card.artifact(data.df, "The reviews"))
 * ```
 */
export const artifact = (
  ref: Pick<Ref<unknown>, "name" | "digest" | "format" | "size">,
  title?: string
): Component => ({
  _tag: "Artifact",
  name: ref.name,
  digest: ref.digest,
  format: ref.format,
  size: ref.size,
  ...(title === undefined ? {} : { title })
})

// Each attempt has its own `CurrentTask` and therefore its own card.
const cards = new WeakMap<CurrentTask["Service"], Array<Component>>()

const ignored: Appended = { update: () => Effect.void }

/**
 * Appends a part to the card of the current task. Outside a task it does nothing, so a step's body can be tested on its
 * own.
 *
 * @example
 * ```ts
 * const part = yield* Card.append(Card.markdown("Training …"))
 * yield* part.update(Card.markdown("Trained."))
 * ```
 */
export const append: (component: Component) => Effect.Effect<Appended> = Effect.fnUntraced(function* (
  component: Component
) {
  const task = Option.getOrUndefined(yield* Effect.serviceOption(CurrentTask))
  if (task === undefined) return ignored
  const card = cards.get(task) ?? []
  cards.set(task, card)
  const place = card.push(component) - 1
  yield* task.card(card)
  return {
    update: (next) =>
      Effect.suspend(() => {
        card[place] = next
        return task.card(card)
      })
  }
})
