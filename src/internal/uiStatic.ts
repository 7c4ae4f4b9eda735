/**
 * The page's own files. They are listed once, when the server starts, and found by their address in that list: no part of
 * an address ever becomes part of a path. Files with a digest in their name are kept by browsers for ever.
 */
import { readdir, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

interface Asset {
  readonly type: string
  readonly cache: string
  readonly plain: Uint8Array
  readonly compressed: Uint8Array | undefined
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  json: "application/json"
}

/** Where the build puts the page: beside this module in the package, in `dist` when the sources run. */
const directory = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../../dist/ui/" : "../ui/", import.meta.url))

const deflate = promisify(gzip)

const load = async (): Promise<ReadonlyMap<string, Asset>> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const assets = new Map<string, Asset>()
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = `${entry.parentPath}/${entry.name}`
    const address = `/${path.slice(directory.length).replaceAll("\\", "/").replace(/^\/+/, "")}`
    const type = types[entry.name.slice(entry.name.lastIndexOf(".") + 1)]
    if (type === undefined) continue
    const plain = await readFile(path)
    assets.set(address, {
      type,
      cache: address.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
      plain,
      compressed: plain.length > 1024 ? await deflate(plain, { level: 9 }) : undefined
    })
  }
  return assets
}

const notBuilt = HttpServerResponse.text(
  "The page is not built. Run `npm run build` in the project, and load this address again.\n",
  { status: 503, contentType: "text/plain; charset=utf-8" }
)

const respond = (asset: Asset, request: HttpServerRequest): HttpServerResponse.HttpServerResponse => {
  const compressed = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "") ? asset.compressed : undefined
  return HttpServerResponse.uint8Array(compressed ?? asset.plain, {
    contentType: asset.type,
    headers: {
      "cache-control": asset.cache,
      vary: "accept-encoding",
      // What is not compressed here is small: nothing further is to do it.
      "content-encoding": compressed === undefined ? "identity" : "gzip"
    }
  })
}

/** What the view at an address asks first: on its way before the page's program has been read. */
const preloads = (pathname: string, url: string): string | undefined => {
  const link = (address: string) => `<${address}>; rel=preload; as=fetch; crossorigin`
  if (url === "/") return link("/api/runs?limit=100")
  const run = /^\/runs\/([0-9A-Za-z]{1,64})$/.exec(pathname)?.[1]
  return run === undefined
    ? undefined
    : `${link(`/api/runs/${run}`)}, ${link(`/api/runs/${run}/tasks?after=0&limit=2500`)}`
}

/** Answers everything that is not the API: a file of the page, or the page itself, which then finds its view. */
export const make = Effect.map(
  Effect.tryPromise(load).pipe(Effect.catch(() => Effect.succeed(new Map<string, Asset>()))),
  (assets) =>
    (request: HttpServerRequest): HttpServerResponse.HttpServerResponse => {
      const pathname = request.url.split(/[?#]/, 1)[0] ?? "/"
      const asset = assets.get(pathname)
      if (asset !== undefined && pathname !== "/index.html") return respond(asset, request)
      if (pathname.startsWith("/assets/")) {
        return HttpServerResponse.text("There is no such file.\n", { status: 404 })
      }
      const page = assets.get("/index.html")
      if (page === undefined) return notBuilt
      const ahead = preloads(pathname, request.url)
      const response = respond(page, request)
      return ahead === undefined ? response : HttpServerResponse.setHeader(response, "link", ahead)
    }
)
