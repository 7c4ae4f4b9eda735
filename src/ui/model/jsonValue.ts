/** Talks to the worker that holds a JSON value. */

import { ApiError } from "../apiError.ts"
import type { JsonAnswer, JsonQuestion, Part } from "./json.worker.ts"
import type { Hits, Path } from "./jsonSearch.ts"

type Question = JsonQuestion extends infer Q ? (Q extends JsonQuestion ? Omit<Q, "id"> : never) : never

export interface JsonValue {
  /** Loads the value, and tells what it is. */
  readonly open: (url: string) => Promise<Part>
  readonly parts: (path: Path, from: number) => Promise<ReadonlyArray<Part>>
  readonly text: (path: Path) => Promise<string>
  readonly search: (text: string) => Promise<Hits>
  readonly close: () => void
}

export const makeJsonValue = (): JsonValue => {
  const worker = new Worker(new URL("./json.worker.ts", import.meta.url), { type: "module" })
  const pending = new Map<number, (answer: JsonAnswer) => void>()
  let last = 0
  worker.onmessage = ({ data }: MessageEvent<JsonAnswer>) => {
    pending.get(data.id)?.(data)
    pending.delete(data.id)
  }
  const ask = (question: Question): Promise<JsonAnswer> =>
    new Promise((resolve, reject) => {
      const id = ++last
      pending.set(id, (answer) =>
        "error" in answer ? reject(new ApiError(answer.error, answer.status)) : resolve(answer)
      )
      worker.postMessage({ ...question, id })
    })
  const parts = async (question: Question) => {
    const answer = await ask(question)
    return "parts" in answer ? answer.parts : []
  }
  return {
    open: async (url) => {
      const [root] = await parts({ _tag: "Open", url })
      return root as Part // one for the root
    },
    parts: (path, from) => parts({ _tag: "Parts", path, from }),
    text: async (path) => {
      const answer = await ask({ _tag: "Text", path })
      return "text" in answer ? answer.text : ""
    },
    search: async (text) => {
      const answer = await ask({ _tag: "Search", text })
      return "hits" in answer ? answer.hits : { paths: [], total: 0 }
    },
    close: () => worker.terminate()
  }
}
