/**
 * Serves the page's own files. They are listed once, when the server starts, and looked up by address in that list, so
 * no part of an address ever becomes part of a path. Browsers cache files with a digest in their name forever.
 */
import { readdir, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Location from "../location.ts"

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

const deflate = promisify(gzip)

/** The page's files by address, and the files that the view of a run needs. */
interface Page {
  readonly assets: ReadonlyMap<string, Asset>
  readonly ofRun: ReadonlyArray<string>
}

const load = async (): Promise<Page> => {
  const directory = fileURLToPath(Location.pageDirectory())
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const assets = new Map<string, Asset>()
  let ofRun: ReadonlyArray<string> = []
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = `${entry.parentPath}/${entry.name}`
    const address = `/${path.slice(directory.length).replaceAll("\\", "/").replace(/^\/+/, "")}`
    const type = types[entry.name.slice(entry.name.lastIndexOf(".") + 1)]
    if (type === undefined) continue
    const plain = await readFile(path)
    if (address === "/manifest.json") {
      ofRun = partsOf(JSON.parse(plain.toString()), "views/run.tsx")
      continue
    }
    assets.set(address, {
      type,
      cache: address.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
      plain,
      compressed: plain.length > 1024 ? await deflate(plain, { level: 9 }) : undefined
    })
  }
  return { assets, ofRun }
}

interface Chunk {
  readonly file: string
  readonly imports?: ReadonlyArray<string>
  readonly css?: ReadonlyArray<string>
}

/** The files that a module of the page needs, according to the build manifest. */
const partsOf = (manifest: Readonly<Record<string, Chunk>>, name: string): ReadonlyArray<string> => {
  const files = new Set<string>()
  const visit = (key: string): void => {
    const chunk = manifest[key]
    if (chunk === undefined || files.has(`/${chunk.file}`)) return
    files.add(`/${chunk.file}`)
    for (const css of chunk.css ?? []) files.add(`/${css}`)
    for (const imported of chunk.imports ?? []) visit(imported)
  }
  visit(name)
  return [...files]
}

const notBuilt = HttpServerResponse.text(
  "The page has not been built. Run `npm run build` in the project, then reload.\n",
  { status: 503, contentType: "text/plain; charset=utf-8" }
)

const respond = (asset: Asset, request: HttpServerRequest): HttpServerResponse.HttpServerResponse => {
  const compressed = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "") ? asset.compressed : undefined
  return HttpServerResponse.uint8Array(compressed ?? asset.plain, {
    contentType: asset.type,
    headers: {
      "cache-control": asset.cache,
      vary: "accept-encoding",
      // Files without a compressed version are small, so they are sent as they are.
      "content-encoding": compressed === undefined ? "identity" : "gzip"
    }
  })
}

/** Preload headers for the files and data that the view at an address needs first. */
const ahead = (pathname: string, url: string, { ofRun }: Page): string | undefined => {
  const answer = (address: string) => `<${address}>; rel=preload; as=fetch; crossorigin`
  if (url === "/") return answer("/api/runs?limit=100")
  const run = /^\/runs\/([0-9A-Za-z]{1,64})$/.exec(pathname)?.[1]
  if (run === undefined) return undefined
  return [
    ...ofRun.map((file) =>
      file.endsWith(".css") ? `<${file}>; rel=preload; as=style; crossorigin` : `<${file}>; rel=modulepreload`
    ),
    answer(`/api/runs/${run}`),
    answer(`/api/runs/${run}/tasks?after=0&limit=2500`)
  ].join(", ")
}

/** Handles every address outside the API: a file of the page, or the page itself, which selects the view. */
export const make = Effect.map(
  Effect.tryPromise(load).pipe(
    Effect.catch(() => Effect.succeed<Page>({ assets: new Map<string, Asset>(), ofRun: [] }))
  ),
  (page) =>
    (request: HttpServerRequest): HttpServerResponse.HttpServerResponse => {
      const pathname = request.url.split(/[?#]/, 1)[0] ?? "/"
      const asset = page.assets.get(pathname)
      if (asset !== undefined && pathname !== "/index.html") return respond(asset, request)
      if (pathname.startsWith("/assets/")) {
        return HttpServerResponse.text("There is no such file.\n", { status: 404 })
      }
      const index = page.assets.get("/index.html")
      if (index === undefined) return notBuilt
      const response = respond(index, request)
      const link = ahead(pathname, request.url, page)
      return link === undefined ? response : HttpServerResponse.setHeader(response, "link", link)
    }
)
