/** Tensors and their metadata: for example a model's weights with its vocabulary and options. */
import { useVirtualizer } from "@tanstack/react-virtual"
import { useMemo, useRef, useState } from "react"
import * as Api from "../api.ts"
import { count, number, size } from "../format.ts"
import { keyText } from "../model/jsonText.ts"
import { Failure, Loading } from "./basic.tsx"
import { Histogram } from "./histogram.tsx"
import { JsonTree } from "./json.tsx"
import { LongText } from "./longText.tsx"

const TensorsViewer = ({ compact, digest }: { readonly digest: string; readonly compact: boolean }) => {
  const result = Api.useQuery(`tensors ${digest}`, (signal) => Api.tensors(digest, signal))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="the tensors" />
  const { metadata } = result.data
  const texts = Object.entries(metadata).map(([name, text]) => ({ name, value: parsed(text) }))
  return (
    <div className={`tensors-viewer ${compact ? "compact" : ""}`}>
      <TensorsTable digest={digest} />
      {texts.map(({ name, value }) => (
        <section key={name} className="metadata" aria-label={name}>
          <h3>{keyText(name)}</h3>
          {isTerms(value) ? (
            <Terms terms={value} />
          ) : typeof value === "string" ? (
            <LongText text={value} className="mono" />
          ) : (
            <JsonTree value={value} open={2} />
          )}
        </section>
      ))}
    </div>
  )
}

export default TensorsViewer

/** The tensors of an artifact, each with a summary of its elements. */
export const TensorsTable = ({ digest }: { readonly digest: string }) => {
  const result = Api.useQuery(`tensors ${digest}`, (signal) => Api.tensors(digest, signal))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="the tensors" />
  const { tensors } = result.data
  if (tensors.length === 0) return <p className="viewer-note">There is no tensor in it.</p>
  return (
    <div className="tensors-table" tabIndex={0} role="group" aria-label="Tensors">
      <table>
        <thead>
          <tr>
            <th>Tensor</th>
            <th>Shape</th>
            <th>Type</th>
            <th>Size</th>
            <th className="right">Min</th>
            <th className="right">Mean</th>
            <th className="right">Max</th>
            <th>Values</th>
          </tr>
        </thead>
        <tbody>
          {tensors.map((tensor) => (
            <tr key={tensor.name}>
              <th scope="row" className="mono">
                {keyText(tensor.name)}
              </th>
              <td className="tabular">{tensor.shape.length === 0 ? "scalar" : tensor.shape.map(count).join(" × ")}</td>
              <td>{tensor.dtype}</td>
              <td>{size(tensor.bytes)}</td>
              <td className="right tabular">{show(tensor.min)}</td>
              <td className="right tabular">{show(tensor.mean)}</td>
              <td className="right tabular">{show(tensor.max)}</td>
              <td>
                {tensor.histogram === undefined ? (
                  <span className="muted">no preview</span>
                ) : (
                  <Histogram histogram={tensor.histogram} />
                )}
                {tensor.nonFinite === undefined || tensor.nonFinite === 0 ? null : (
                  <span className="bad-text">{count(tensor.nonFinite)} not finite</span>
                )}
                {tensor.sampled > 0 && tensor.sampled < tensor.elements ? (
                  <span className="muted">first {count(tensor.sampled)}</span>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const show = (value: number | undefined): string => (value === undefined ? "–" : number(value))

const parsed = (text: string): unknown => {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A vocabulary: a list of terms. */
const isTerms = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.length > 0 && value.every((term) => typeof term === "string")

const perRow = 5

/** Terms with their column, filtered while typing. */
const Terms = ({ terms }: { readonly terms: ReadonlyArray<string> }) => {
  const [search, setSearch] = useState("")
  const scroll = useRef<HTMLDivElement>(null)
  const shown = useMemo(
    () => terms.map((term, index) => ({ term, index })).filter(({ term }) => term.includes(search.toLowerCase())),
    [terms, search]
  )
  const virtual = useVirtualizer({
    count: Math.ceil(shown.length / perRow),
    getScrollElement: () => scroll.current,
    estimateSize: () => 24,
    overscan: 8
  })
  return (
    <div className="terms">
      <div className="terms-head">
        <input
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          placeholder="Find a term"
          aria-label="Find a term"
        />
        <span className="muted">
          {shown.length === terms.length ? "" : `${count(shown.length)} of `}
          {count(terms.length)} terms
        </span>
      </div>
      <div
        className="terms-scroll"
        ref={scroll}
        tabIndex={0}
        role="group"
        aria-label="Terms"
        style={{ height: Math.min(260, virtual.getTotalSize() + 10) }}
      >
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => (
            <div key={item.key} className="terms-row" style={{ transform: `translateY(${item.start}px)` }}>
              {shown.slice(item.index * perRow, (item.index + 1) * perRow).map(({ index, term }) => (
                <span key={index}>
                  <i className="tabular">{index}</i> {term}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}
