/**
 * Signed requests: sent, tried again where that may help, and failed with a sentence where it does not. Waiting takes real
 * time, whatever clock a program runs on, because the server knows no other clock.
 */
import { createHash, createHmac } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Address from "./address.ts"
import * as Credentials from "./credentials.ts"
import type * as Exchange from "./exchange.ts"
import * as Failure from "./failure.ts"
import * as Packages from "./packages.ts"
import * as Transport from "./transport.ts"

/** What to ask. */
export interface Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  /** The key; empty for the bucket. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Exchange.Body | undefined
  /** In bytes. Default: that of a body in memory. */
  readonly size?: number | undefined
  /** The SHA-256 of the body, in hexadecimal. Default: it is computed; a body that is not in memory needs it. */
  readonly digest?: string | undefined
  /** How long the answer may be, in bytes. Default: 1 MB. */
  readonly answerBytes?: number | undefined
  /** Where a successful answer of a length goes. Default: into an array of its own. */
  readonly into?: ((length: number) => Uint8Array) | undefined
  /** It is not sent after this time, in milliseconds since the epoch: what it asks for may be wrong by then. */
  readonly until?: number | undefined
  /** What the credentials must allow, `s3:GetObject`, for the sentence that says that they don't. */
  readonly action: string
}

export interface Requests {
  readonly send: (request: Request) => Effect.Effect<Exchange.Incoming, Failure.S3Error>
  /** The server, for messages. */
  readonly server: () => string
  readonly close: () => void
}

/** How a client behaves on bad lines. The defaults suit everything but tests. */
export interface Tuning {
  /** After so long without a byte in either direction, a connection is taken for dead. Default: 30 s. */
  readonly stallMs?: number | undefined
  /** How often a request is sent at most. Default: 8. */
  readonly attempts?: number | undefined
  /** The pause before the second attempt; each further one is twice as long, up to 5 s. Default: 100 ms. */
  readonly pauseMs?: number | undefined
}

export interface Options extends Address.Bucket, Tuning {
  readonly credentials?: Credentials.Keys | Credentials.Provider | undefined
  readonly environment?: { readonly [name: string]: string | undefined } | undefined
}

const longestPause = Duration.seconds(5)

/** The longest time that one request may take with all its attempts, unless a single attempt takes longer. */
const longestMs = 120_000

const emptyHash = createHash("sha256").digest("hex")

export const make = (options: Options): Requests => {
  const { attempts = 8, bucket, environment = process.env, pauseMs = 100, stallMs = 30_000 } = options
  const clock = Clock.Clock.defaultValue()
  const now = (): number => clock.currentTimeMillisUnsafe()
  const endpoint = options.endpoint ?? (environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL || undefined)
  const isPathStyle = options.forcePathStyle ?? (endpoint !== undefined || bucket.includes("."))
  const stated = options.region ?? Credentials.regionOf(environment)
  const credentials = Credentials.make(options.credentials, now)
  const transport = Transport.make(stallMs)
  let region = stated ?? "us-east-1"
  let signer: Promise<{ readonly region: string; readonly sign: Sign }> | undefined

  const server = (): string => (endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/+$/, "")

  const mistake = endpoint === undefined ? undefined : Address.endpointMistake(endpoint)

  const urlOf = ({ key, query = {} }: Request): URL => {
    const wrong = mistake ?? Address.keyMistake(key)
    if (wrong !== undefined)
      throw new Failure.S3Error({ kind: "refused", code: "Address", reason: Address.asReason(wrong) })
    const base = new URL(server())
    const path = key.split("/").map(escape).join("/")
    if (isPathStyle) base.pathname = `${base.pathname.replace(/\/$/, "")}/${bucket}${key === "" ? "" : `/${path}`}`
    else {
      base.host = `${bucket}.${base.host}`
      base.pathname = `/${path}`
    }
    base.search = Object.entries(query)
      .map(([name, value]) => `${escape(name)}=${escape(value)}`)
      .join("&")
    return base
  }

  const signed = async (request: Request, renew: boolean): Promise<Exchange.Outgoing> => {
    const url = urlOf(request)
    const body = request.body ?? []
    const digest = request.digest ?? (typeof body === "function" ? "UNSIGNED-PAYLOAD" : digestOf(body))
    const size = request.size ?? (typeof body === "function" ? 0 : body.reduce((sum, part) => sum + part.length, 0))
    if (signer === undefined || (await signer).region !== region) signer = makeSigner(region)
    const identity = await credentials.get(renew)
    const { sign } = await signer
    const headers = await sign(identity, {
      method: request.method,
      url,
      headers: { host: url.host, "x-amz-content-sha256": digest, ...request.headers },
      now: new Date(now())
    })
    return {
      method: request.method,
      url,
      body,
      answerBytes: request.answerBytes,
      into: request.into,
      headers: {
        ...headers,
        ...(request.method === "PUT" || request.method === "POST" ? { "content-length": String(size) } : {})
      }
    }
  }

  /** One attempt. */
  const attempt = (request: Request, renew: boolean): Effect.Effect<Exchange.Incoming, Failure.S3Error> =>
    Effect.gen(function* () {
      const outgoing = yield* Effect.tryPromise({
        try: () => signed(request, renew),
        catch: (cause) =>
          cause instanceof Failure.S3Error
            ? cause
            : cause instanceof Packages.PackageMissing
              ? new Failure.S3Error({ kind: "refused", code: "PackageMissing", reason: cause.message })
              : Failure.ofConnection(cause, server())
      })
      if (request.until !== undefined && now() > request.until) return yield* tooLate
      const answer = yield* Effect.mapError(transport.send(outgoing), (cause) =>
        cause instanceof Failure.S3Error ? cause : Failure.ofConnection(cause, server())
      )
      // Requests that take the server long (completing an upload, copying) may fail after it has answered 200.
      const isLate = request.method !== "GET" && answer.status === 200 && startsWithError(answer.body)
      if (answer.status >= 200 && answer.status < 300 && !isLate) return answer
      const { action } = request
      const error = Failure.ofAnswer(isLate ? { ...answer, status: 500 } : answer, {
        bucket,
        server: server(),
        region,
        action,
        now: now()
      })
      return yield* new Failure.S3Error({ ...error, reason: credentials.hide(error.reason) })
    })

  return {
    server,
    close: transport.close,
    send: (request) =>
      Effect.suspend(() => {
        const started = now()
        let moved = false
        let renewed = false
        let count = 0
        return Effect.suspend(() => {
          count++
          return attempt(request, false)
        }).pipe(
          // A bucket of another region, where none was stated: the server says which.
          Effect.catchIf(
            (error) => error.region !== undefined && stated === undefined && endpoint === undefined && !moved,
            (error) => {
              moved = true
              region = error.region ?? region
              return attempt(request, false)
            }
          ),
          Effect.catchIf(
            (error) => Failure.isExpired(error) && !renewed,
            () => {
              renewed = true
              return attempt(request, true)
            }
          ),
          Effect.retry({
            while: (error) =>
              Failure.isPassing(error) && now() - started < longestMs && (!Failure.isMismatch(error) || count < 3),
            times: attempts - 1,
            schedule: Schedule.exponential(pauseMs).pipe(
              Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, longestPause))),
              Schedule.jittered
            )
          }),
          Effect.mapError((error) =>
            error.kind === "away" && count > 1
              ? new Failure.S3Error({ ...error, reason: `${error.reason}, after ${count} attempts` })
              : error
          ),
          Effect.provideService(Clock.Clock, clock),
          Effect.withTracerEnabled(false)
        )
      })
  }
}

const tooLate = new Failure.S3Error({
  kind: "refused",
  code: "TooLate",
  reason: "this process was held up, and by now somebody may want again what it was about to remove. Try again"
})

const startsWithError = (body: Uint8Array): boolean =>
  body.length < 64 * 1024 && /^\s*(<\?xml[^>]*>)?\s*<Error>/.test(new TextDecoder().decode(body))

/** Escapes all but unreserved characters, as the signature wants it. */
const escape = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

const digestOf = (body: ReadonlyArray<Uint8Array>): string => {
  if (body.length === 0) return emptyHash
  const hash = createHash("sha256")
  for (const part of body) hash.update(part)
  return hash.digest("hex")
}

/** Signs the headers of a request. */
type Sign = (
  identity: Credentials.Identity,
  request: {
    readonly method: string
    readonly url: URL
    readonly headers: Readonly<Record<string, string>>
    readonly now: Date
  }
) => Promise<Readonly<Record<string, string>>>

const makeSigner = async (region: string): Promise<{ readonly region: string; readonly sign: Sign }> => {
  const { SignatureV4 } = await Packages.signature()
  let identity: Credentials.Identity | undefined
  const signature = new SignatureV4({
    service: "s3",
    region,
    sha256: Sha256,
    uriEscapePath: false,
    credentials: async () => identity as Credentials.Identity // set before each signature
  })
  return {
    region,
    sign: async (current, { headers, method, now, url }) => {
      identity = current
      const { headers: signed } = await signature.sign(
        {
          method,
          protocol: url.protocol,
          hostname: url.hostname,
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: { ...headers }
        },
        { signingDate: now }
      )
      return signed
    }
  }
}

/** SHA-256 as the signature's package wants it: a class that hashes, or with a secret, authenticates. */
class Sha256 {
  readonly #state
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#state =
      secret === undefined
        ? createHash("sha256")
        : createHmac("sha256", typeof secret === "string" ? secret : new Uint8Array(secret as ArrayBuffer)) // the package passes its own digests
  }
  update(data: Uint8Array | string): void {
    this.#state.update(data)
  }
  async digest(): Promise<Uint8Array> {
    return this.#state.digest()
  }
  reset(): void {}
}
