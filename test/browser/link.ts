/**
 * A slow link to a server: answers come late, and what happens on the link is counted. Streams of events are not delayed,
 * because their first byte says that they are open.
 */
import * as Http from "node:http"
import * as Effect from "effect/Effect"

export interface Link {
  readonly url: string
  /** Counts since the link was made. */
  readonly counts: {
    /** Streams of events that are open now, and the highest number of them at once. */
    streams: number
    mostStreams: number
    requests: number
    /** The paths of requests that the browser gave up before the answer. */
    readonly aborted: Array<string>
  }
  /** Addresses that are answered later than others, in milliseconds. */
  readonly delays: Array<readonly [address: RegExp, delayMs: number]>
  /** Addresses that are answered with 404, as a server with another version of the page does. */
  readonly missing: Array<RegExp>
}

export const makeLink = (target: string, delayMs: number) =>
  Effect.acquireRelease(
    Effect.callback<Link & { readonly server: Http.Server }>((resume) => {
      const { hostname, port } = new URL(target)
      const counts = { streams: 0, mostStreams: 0, requests: 0, aborted: [] as string[] }
      const missing: Array<RegExp> = []
      const delays: Array<readonly [address: RegExp, delayMs: number]> = []
      const server = Http.createServer((request, response) => {
        const path = request.url ?? "/"
        if (missing.some((pattern) => pattern.test(path))) {
          response.writeHead(404).end()
          return
        }
        const isStream = /^\/api\/(events|live)/.test(path)
        if (isStream) {
          counts.streams++
          counts.mostStreams = Math.max(counts.mostStreams, counts.streams)
        } else counts.requests++
        let isDone = false
        response.on("close", () => {
          if (isStream) counts.streams--
          else if (!isDone && path.startsWith("/api/")) counts.aborted.push(path)
          asked.destroy()
        })
        const { origin: _, ...headers } = request.headers
        const asked = Http.request(
          { hostname, port, path, method: "GET", headers: { ...headers, host: `${hostname}:${port}` } },
          (answer) => {
            const send = () => {
              response.writeHead(answer.statusCode ?? 500, answer.headers)
              answer.on("end", () => {
                isDone = true
              })
              answer.pipe(response)
            }
            if (isStream) send()
            else setTimeout(send, delays.find(([address]) => address.test(path))?.[1] ?? delayMs)
          }
        )
        asked.on("error", () => response.destroy())
        asked.end()
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const at = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ url: `http://127.0.0.1:${at}`, counts, delays, missing, server }))
      })
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
