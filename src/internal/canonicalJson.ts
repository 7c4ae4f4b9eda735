/**
 * Canonical JSON: object keys sorted by code unit, no white space. Equal values get equal bytes, which is what makes a
 * digest an identity. It follows RFC 8785 (JSON Canonicalization Scheme), whose number format is JavaScript's own.
 */

/** The canonical text of a JSON value. Properties that are `undefined` are left out, as `JSON.stringify` does. */
export const stringify = (value: unknown): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null"
  if (Array.isArray(value)) {
    let text = "["
    for (let i = 0; i < value.length; i++) text += (i === 0 ? "" : ",") + stringify(value[i])
    return `${text}]`
  }
  let text = "{"
  for (const key of Object.keys(value).sort()) {
    const item = (value as Record<string, unknown>)[key] // an object's own keys index it
    if (item !== undefined) text += `${(text === "{" ? "" : ",") + JSON.stringify(key)}:${stringify(item)}`
  }
  return `${text}}`
}
