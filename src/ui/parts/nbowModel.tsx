/** A trained bag-of-words model: scores of any text, the terms that speak for each label, its history and its options. */
import { useEffect, useMemo, useState } from "react"
import * as Api from "../api.ts"
import { count, number } from "../format.ts"
import { Failure, Loading } from "./basic.tsx"
import { Chart, type Series } from "./chart.tsx"
import { JsonTree } from "./json.tsx"
import { TensorsTable } from "./tensors.tsx"

const termsShown = 25

const ModelViewer = ({ compact, digest }: { readonly digest: string; readonly compact: boolean }) => {
  const result = Api.useQuery(`model ${digest}`, (signal) => Api.model(digest, signal))
  if (result.error !== undefined) return <Failure error={result.error} retry={result.reload} />
  if (result.data === undefined) return <Loading what="the model" />
  const { epoch, history, options, terms } = result.data
  return (
    <div className="model-viewer">
      <Scorer digest={digest} />
      {compact ? null : (
        <>
          <History history={history} epoch={epoch} />
          <Terms model={result.data} />
          <section className="metadata" aria-label="options">
            <h3>Options</h3>
            <JsonTree value={options} open={1} />
          </section>
          <TensorsTable digest={digest} />
          <p className="viewer-note">{count(terms)} terms in the vocabulary.</p>
        </>
      )}
    </div>
  )
}

export default ModelViewer

/** A text that is scored while it is typed. */
const Scorer = ({ digest }: { readonly digest: string }) => {
  const [text, setText] = useState("")
  const [asked, setAsked] = useState("")
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), 200)
    return () => clearTimeout(timer)
  }, [text])
  const result = Api.useQuery(`score ${digest} ${asked}`, (signal) => Api.score(digest, asked, signal), {
    isKept: false
  })
  const [told, setTold] = useState<Api.ScoreView>()
  useEffect(() => {
    if (result.data !== undefined) setTold(result.data)
  }, [result.data])
  const most = Math.max(1e-9, ...(told?.terms ?? []).map(({ effect }) => Math.abs(effect)))
  return (
    <section className="metadata scorer" aria-label="Score a text">
      <h3>Score a text</h3>
      <textarea
        value={text}
        onChange={(event) => setText(event.target.value)}
        rows={2}
        placeholder="Type some text to see what the model says"
        aria-label="Text to score"
      />
      {result.error === undefined ? null : <Failure error={result.error} />}
      {told === undefined ? null : (
        <>
          <ul className="scores" aria-label="Scores">
            {told.scores.map(({ label, score }) => (
              <li key={label}>
                <span>{label}</span>
                <meter min={0} max={1} value={score} aria-label={`Score of ${label}`} />
                <b className="tabular">{number(score)}</b>
              </li>
            ))}
          </ul>
          <p className="muted">
            {told.terms.length === 0
              ? `The text has no term of the vocabulary. Such a text has the log-odds ${number(told.baseline)}.`
              : `What each term does to the log-odds of ${told.label} (${number(told.logOdds)}; without terms ${number(told.baseline)}):`}
          </p>
          <ul className="effects" aria-label="Effects of the terms">
            {told.terms.slice(0, termsShown).map(({ count: times, effect, term }) => (
              <li key={term}>
                <span className="mono">
                  {term}
                  {times > 1 ? ` ×${times}` : ""}
                </span>
                <Bar effect={effect} most={most} />
                <span className="tabular">{signed(effect)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

const signed = (value: number): string => `${value < 0 ? "−" : "+"}${number(Math.abs(value))}`

const Bar = ({ effect, most }: { readonly effect: number; readonly most: number }) => (
  <span className={`effect-bar ${effect < 0 ? "against" : "for"}`} aria-hidden="true">
    <i style={{ width: `${(Math.abs(effect) / most) * 50}%` }} />
  </span>
)

const names: Readonly<Record<string, readonly [chart: string, name: string, dashed: boolean]>> = {
  loss: ["Loss", "training", false],
  valLoss: ["Loss", "validation", true],
  accuracy: ["Accuracy", "training", false],
  valAccuracy: ["Accuracy", "validation", true]
}

const History = ({ epoch, history }: { readonly history: Api.ModelView["history"]; readonly epoch: number }) => {
  const charts = useMemo(() => {
    const byTitle = new Map<string, Array<Series>>()
    const keys = [...new Set(history.flatMap((epoch) => Object.keys(epoch)))]
    for (const key of keys) {
      const [title, name, dashed] = names[key] ?? [key, key, false]
      const series = { name, dashed, x: history.map((_, i) => i + 1), y: history.map((epoch) => epoch[key] ?? null) }
      byTitle.set(title, [...(byTitle.get(title) ?? []), series])
    }
    return [...byTitle]
  }, [history])
  return (
    <section className="metadata" aria-label="History">
      <h3>
        History: {count(history.length)} epochs, weights of epoch {count(epoch)}
      </h3>
      <div className="charts">
        {charts.map(([title, series]) => (
          <Chart key={title} title={title} series={series} height={150} xLabel="epoch" />
        ))}
      </div>
    </section>
  )
}

const Terms = ({ model }: { readonly model: Api.ModelView }) => {
  const [search, setSearch] = useState("")
  const wanted = search.trim().toLowerCase()
  return (
    <section className="metadata model-terms" aria-label="Terms">
      <h3>Terms with their weights</h3>
      <input
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        placeholder="Find a term"
        aria-label="Find a term"
      />
      <div className="model-labels">
        {model.labels.map(({ label, terms }) => {
          const matching = wanted === "" ? terms : terms.filter(({ term }) => term.includes(wanted))
          const most = Math.max(1e-9, ...terms.slice(0, 1).map(({ effect }) => Math.abs(effect)))
          return (
            <div key={label}>
              <h4>
                For {label} <span className="count">{count(matching.length)}</span>
              </h4>
              <ul className="effects" aria-label={`Terms for ${label}`}>
                {matching.slice(0, termsShown).map(({ effect, term }) => (
                  <li key={term}>
                    <span className="mono">{term}</span>
                    <Bar effect={effect} most={most} />
                    <span className="tabular">{signed(effect)}</span>
                  </li>
                ))}
              </ul>
            </div>
          )
        })}
      </div>
    </section>
  )
}
