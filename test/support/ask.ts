/** Asks a server by Node's own client, which lets a test say any header, `Host` too. */
import * as Http from "node:http"
import * as Effect from "effect/Effect"

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
  readonly bytes: Buffer
  readonly json: any
}

export interface Question {
  readonly method?: string
  readonly headers?: Http.OutgoingHttpHeaders
}

/** One request; `path` goes out as it is, dots and all. */
export const ask = (base: string, path: string, question: Question = {}): Effect.Effect<Answer> =>
  Effect.callback<Answer>((resume) => {
    const { hostname, port } = new URL(base)
    const request = Http.request(
      { hostname, port, path, method: question.method ?? "GET", headers: question.headers ?? {}, agent: false },
      (response) => {
        const parts: Array<Buffer> = []
        response.on("data", (part: Buffer) => parts.push(part))
        response.on("error", (error) => resume(Effect.die(error)))
        response.on("end", () => {
          const bytes = Buffer.concat(parts)
          const text = bytes.toString()
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              bytes,
              get json() {
                return JSON.parse(text)
              }
            })
          )
        })
      }
    )
    request.on("error", (error) => resume(Effect.die(error)))
    request.end()
    return Effect.sync(() => request.destroy())
  })

/** Listens to server-sent events until enough was heard; `enough` says so of all events so far. */
export const listen = <E>(
  base: string,
  path: string,
  enough: (events: ReadonlyArray<E>) => boolean
): Effect.Effect<ReadonlyArray<E>> =>
  Effect.callback<ReadonlyArray<E>>((resume) => {
    const { hostname, port } = new URL(base)
    const events: Array<E> = []
    let rest = ""
    const request = Http.get({ hostname, port, path, agent: false }, (response) => {
      response.on("data", (part: Buffer) => {
        rest += part.toString()
        for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n")) {
          const data = rest
            .slice(0, end)
            .split("\n")
            .filter((line) => line.startsWith("data:"))
            .map((line) => line.slice(5).trim())
            .join("\n")
          rest = rest.slice(end + 2)
          if (data !== "") events.push(JSON.parse(data))
        }
        if (enough(events)) {
          resume(Effect.succeed(events))
          request.destroy()
        }
      })
    })
    request.on("error", (error) => resume(Effect.die(error)))
    return Effect.sync(() => request.destroy())
  })
