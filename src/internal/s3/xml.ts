/**
 * The little XML that S3 sends: flat elements without attributes that matter. https://docs.aws.amazon.com/AmazonS3/latest/API
 * shows every answer; none of the elements that are read here can be nested in itself.
 */

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

const decoded = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    hex !== undefined
      ? String.fromCodePoint(Number.parseInt(hex, 16))
      : decimal !== undefined
        ? String.fromCodePoint(Number(decimal))
        : (entities[name] ?? whole)
  )

/** A text as the content of an element. */
export const escape = (text: string): string => text.replace(/[&<>\r]/g, (sign) => `&#${sign.charCodeAt(0)};`) // a parser takes a bare \r for the end of a line

/** The text of the first element of a name. */
export const text = (xml: string, name: string): string | undefined => {
  const text = new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`).exec(xml)?.[1]
  return text === undefined ? undefined : decoded(text)
}

/** The contents of all elements of a name, as XML. */
export const all = (xml: string, name: string): ReadonlyArray<string> =>
  [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map(([, content]) => content ?? "")
