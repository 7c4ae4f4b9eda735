/** Keys and texts of a JSON value as they are written on the page: on one line, and nothing of them invisible. */

const keyLimit = 200

/**
 * Letters that are not seen, and those that turn the direction of what stands after them. Joiners are left as they are:
 * emoji and some scripts are written with them.
 */
const unseen = /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** A text in quotes, with escapes for all that is not seen. */
export const quoted = (text: string): string =>
  JSON.stringify(text).replace(unseen, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** The beginning of a text, at most so long; never half of a letter. */
export const beginning = (text: string, length: number): string => {
  const last = text.length > length ? text.charCodeAt(length - 1) : 0
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length)
}

/** A key as it stands before its value: in quotes where it is more than words, and cut where it is long. */
export const keyText = (key: string): string => {
  const start = beginning(key, keyLimit)
  const text = /^[\p{L}\p{N}_$](?:[\p{L}\p{M}\p{N}_$ ./:-]*[\p{L}\p{M}\p{N}_$])?$/u.test(start) ? start : quoted(start)
  return start.length < key.length ? `${text}…` : text
}
