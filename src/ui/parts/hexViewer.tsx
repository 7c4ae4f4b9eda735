/** The first bytes of an artifact as numbers and letters: for those that have no other view, or none that works. */
import * as Api from "../api.ts"
import { size } from "../format.ts"
import { Failure, Loading } from "./basic.tsx"

const headBytes = 4096

export const HexViewer = ({ bytes, digest }: { readonly digest: string; readonly bytes: number }) => {
  const end = Math.min(bytes, headBytes)
  const result = Api.useQuery(`hex ${digest}`, async (signal) => hex(await Api.bytes(digest, 0, end, signal)))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="the bytes" />
  return (
    <>
      <pre className="text-viewer" tabIndex={0}>
        {result.data}
      </pre>
      {bytes > end ? <p className="viewer-note">And {size(bytes - end)} more: download it to see all of it.</p> : null}
    </>
  )
}

const hex = (bytes: Uint8Array): string => {
  const lines: Array<string> = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = Array.from(bytes.subarray(at, at + 16))
    const digits = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")
    const letters = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")
    lines.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${letters}`)
  }
  return lines.join("\n")
}
