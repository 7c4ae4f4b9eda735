/**
 * What keeps a store's contents to the person at this machine. A page of another site can make a browser send requests
 * here; it is told apart by the `Host` header (a name that was rebound to this address), by `Origin`, and by
 * `Sec-Fetch-Site`. What is answered says that it is no page but ours: no inline script, no frame, no foreign source.
 */
import { isIP } from "node:net"
import { hostname } from "node:os"

/** What a request says of where it comes from. */
export interface Asked {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly site: string | undefined
  readonly mode: string | undefined
}

const localNames = new Set(["localhost", "127.0.0.1", "::1"])

/** Whether nothing but this machine reaches an address. */
export const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host)

/** Splits `name:port` and `[::1]:port`. */
const nameOf = (host: string): string | undefined =>
  /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d+)?$/i.exec(host)?.slice(1).find(Boolean)

/**
 * Why a request is refused, or `undefined`.
 *
 * @param listening The address that the server was told to listen on.
 */
export const refusal = (
  asked: Asked,
  listening: string
): { readonly status: number; readonly message: string } | undefined => {
  if (asked.method !== "GET" && asked.method !== "HEAD") {
    return { status: 405, message: "This server only shows: it answers GET and HEAD." }
  }
  const name = asked.host === undefined ? undefined : nameOf(asked.host.toLowerCase())
  if (name === undefined || !isOurs(name, listening)) {
    return {
      status: 403,
      message: `This server does not go by the name ${asked.host ?? "(none)"}. Open it as it was printed when it started.`
    }
  }
  if (asked.origin !== undefined && asked.origin !== `http://${asked.host}`) {
    return { status: 403, message: `A page of ${asked.origin} may not read this server.` }
  }
  // A link from elsewhere may lead here; an image, a script or a frame of another site may not.
  if (asked.site === "cross-site" && asked.mode !== "navigate") {
    return { status: 403, message: "A page of another site may not read this server." }
  }
  return undefined
}

const isOurs = (name: string, listening: string): boolean =>
  localNames.has(name) ||
  name === listening.toLowerCase() ||
  // Beyond loopback the machine goes by its addresses and its own name. An address can't be rebound; a name can.
  (!isLoopback(listening) && (isIP(name) !== 0 || name === hostname().toLowerCase()))

/** Headers of everything that is sent. What an answer sets itself is kept. */
export const headers: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}
