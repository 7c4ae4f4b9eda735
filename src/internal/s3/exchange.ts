/** What a request and its answer are to those that send them, and when a connection is given up. */

/** What is sent. */
export interface Outgoing {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
  /** How long the answer may be, in bytes. Default: 1 MB. */
  readonly answerBytes?: number | undefined
  /** Where a successful answer of a length goes. Default: into an array of its own. */
  readonly into?: ((length: number) => Uint8Array) | undefined
}

/**
 * Bytes in memory, or a source of parts that can be opened again for another attempt. Such a part may be written over once the
 * next is asked for.
 */
export type Body = ReadonlyArray<Uint8Array> | (() => AsyncIterable<Uint8Array>)

/** What came back. */
export interface Incoming {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

/** How long an exchange may take in all. One that trickles is dead, too: below 32 kB/s nothing gets done. */
export const longestMs = ({ answerBytes = 1_000_000, headers }: Outgoing, stallMs: number): number =>
  4 * stallMs + (Number(headers["content-length"] ?? 0) + answerBytes) / 32

/** Why an exchange without a sign of life was given up. */
export const stalled = (milliseconds: number): Error =>
  Object.assign(new Error(`has sent and accepted nothing for ${Math.round(milliseconds / 1000)} s`), {
    code: "ESTALLED"
  })

/** Why an exchange ended early. */
export const closed = (): Error => Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" })
