/**
 * The sources of functions that a function has in its closure. The language has no way to ask; V8's inspector, which Node
 * has in every process, does. The session is one within this thread: no port is opened and nothing is paused.
 */
import type { Runtime, Session } from "node:inspector"

/** Where a function is put for the inspector to find it. */
const place = Symbol.for("effect-flow/closure")

/**
 * The sources of the functions, or lists of functions, that a function's closure has under these names.
 *
 * @returns Nothing where there is no inspector.
 */
export const closureOf = (of: object, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const inspector = process.getBuiltinModule?.("node:inspector")
  if (inspector === undefined) return []
  const session = new inspector.Session()
  const holder = globalThis as { [place]?: object }
  try {
    session.connect()
    holder[place] = of
    return read(session, names)
  } catch {
    return [] // without an inspector, or while another one holds the thread, the source is unknown
  } finally {
    delete holder[place]
    session.disconnect()
  }
}

const read = (session: Session, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const properties = (objectId: string | undefined): Runtime.GetPropertiesReturnType => {
    let answered: Runtime.GetPropertiesReturnType = { result: [] }
    if (objectId === undefined) return answered
    // A session of the same thread answers before `post` returns.
    session.post("Runtime.getProperties", { objectId, ownProperties: true }, (error, answer) => {
      if (error === null) answered = answer
    })
    return answered
  }
  let root: string | undefined
  const expression = `globalThis[Symbol.for(${JSON.stringify(place.description)})]`
  session.post("Runtime.evaluate", { expression }, (error, answer) => {
    if (error === null) root = answer.result.objectId
  })
  const scopes = properties(root).internalProperties?.find(({ name }) => name === "[[Scopes]]")
  const sources = new Map<string, ReadonlyArray<string>>()
  for (const { value: scope } of properties(scopes?.value?.objectId).result) {
    if (!/^(Closure|Block|Local)/.test(scope?.description ?? "")) continue
    for (const { name, value } of properties(scope?.objectId).result) {
      if (!names.includes(name) || sources.has(name) || value === undefined) continue
      const functions =
        value.subtype === "array" ? properties(value.objectId).result.map((item) => item.value) : [value]
      sources.set(
        name,
        functions.flatMap((item) =>
          item?.type === "function" && item.description !== undefined ? [item.description] : []
        )
      )
    }
  }
  return names.flatMap((name) => sources.get(name) ?? [])
}
