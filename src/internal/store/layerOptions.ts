/** Looks at the options of a store's layer before anything is opened. Not every caller is type-checked. */
import * as Redacted from "effect/Redacted"

/** What an option must be: a text, a text that may be hidden in a `Redacted`, or a text that may be left out. */
export type Kind = "text" | "secret" | "optional"

/**
 * What is wrong with the options, in a sentence that repeats none of them: one may hold a password.
 *
 * @param layer The layer's name in the sentence: `Storage.layerS3`.
 * @param example Options that are right, as code.
 * @param kinds The options that are texts. An empty one is a variable that is not set; as a path it would be the working
 *   directory.
 */
export const mistakeIn = (
  layer: string,
  options: unknown,
  example: string,
  kinds: { readonly [option: string]: Kind }
): string | undefined => {
  const remedy = `Call it as ${layer}(${example}).`
  if (typeof options !== "object" || options === null) return `${layer} takes an object of options. ${remedy}`
  for (const [option, kind] of Object.entries(kinds)) {
    const given = (options as Record<string, unknown>)[option] // looked up by name
    if (kind === "optional" && given === undefined) continue
    const text = kind === "secret" && Redacted.isRedacted(given) ? Redacted.value(given) : given
    if (typeof text !== "string") {
      const said = given === undefined ? "is missing" : "is not a string"
      return `The option \`${option}\` of ${layer} ${said}. ${remedy}`
    }
    if (text === "") return `The option \`${option}\` of ${layer} can't be empty. ${remedy}`
  }
  return undefined
}
