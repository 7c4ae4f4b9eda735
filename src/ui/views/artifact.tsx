/** An artifact: its content, whether it is intact, and the tasks that wrote and read it. */
import * as Api from "../api.ts"
import { plural, shortDigest, shortId, size } from "../format.ts"
import { useTitle } from "../hooks.ts"
import { Command, Copy, Empty, Failure, Link, Loading, Section } from "../parts/basic.tsx"
import type { ArtifactOf } from "../parts/imageViewer.tsx"
import { JsonTree } from "../parts/json.tsx"
import { Viewer } from "../parts/viewer.tsx"
import { toRun, toRuns, toTask, toWriter } from "../router.ts"
import "../styles/run.css"

const Artifact = ({ digest, of }: { readonly digest: string | undefined; readonly of: ArtifactOf | undefined }) => {
  const task = Api.useQuery(of === undefined ? undefined : `task ${of.run}/${of.step}/${of.index}`, (signal) =>
    Api.task(of?.run ?? "", `${of?.step}/${of?.index}`, signal)
  )
  const refs = task.data === undefined ? [] : [...task.data.task.outputs, ...task.data.task.inputs]
  const named = of === undefined ? undefined : refs.find(({ name }) => name === of.name)
  const shown: Api.Looked | undefined = digest === undefined ? named : { digest }
  const result = Api.useQuery(shown === undefined ? undefined : Api.keyOf(shown), (signal) =>
    Api.artifact(shown ?? { digest: "" }, signal)
  )
  const error = task.error ?? result.error
  useTitle(of?.name ?? (digest === undefined ? "" : shortDigest(digest)))

  if (of !== undefined && task.data !== undefined && named === undefined) {
    return (
      <Empty title={`There is no artifact ${of.name} here`}>
        <p>
          {of.step}/{of.index} has {refs.length === 0 ? "none" : refs.map(({ name }) => name).join(", ")}.
        </p>
        <p>
          <Link to={toTask(of.run, `${of.step}/${of.index}`)}>See the task</Link>
        </p>
      </Empty>
    )
  }
  if (error !== undefined) {
    return error.status === 404 || error.status === 400 ? (
      <Empty title="There is no such artifact">
        <p>{error.message}</p>
        <p>
          <Link to={toRuns()}>See the runs</Link>
        </p>
      </Empty>
    ) : (
      <Failure error={error} retry={result.reload} />
    )
  }
  if (result.data === undefined) return <Loading what="the artifact" />
  const ref = named ?? result.data.ref
  const run = task.data?.run
  const commands = task.data?.commands
  // Many tasks may have written the same bytes. Link to the writer that this task got it from.
  const writer = named === undefined ? result.data.writer : named.writer
  return (
    <div className="artifact">
      <header className="head">
        <nav className="crumbs" aria-label="Where this is">
          <Link to={toRuns()}>Runs</Link>
          {run === undefined || of === undefined ? null : (
            <>
              <span aria-hidden="true">/</span>
              <Link to={toRun(run.id)} title={run.id}>
                {run.flow} {shortId(run.id)}
              </Link>
              <span aria-hidden="true">/</span>
              <Link to={toTask(run.id, `${of.step}/${of.index}`)}>
                {of.step}/{of.index}
              </Link>
            </>
          )}
          <span aria-hidden="true">/</span>
          <span>{ref.name}</span>
        </nav>
        <h1>{ref.name}</h1>
        <span className="badge">{ref.format}</span>
        <div className="facts">
          <span>{size(ref.size)}</span>
          <span>{ref.mediaType}</span>
          <span>
            <code title={ref.digest}>{shortDigest(ref.digest)}</code> <Copy text={ref.digest} label="Copy the digest" />
          </span>
          <Verified digest={ref.digest} />
          <a href={Api.contentUrl(ref.digest, ref.name)} download>
            Download
          </a>
        </div>
      </header>
      <div className="columns">
        <section className="section" aria-label="Value">
          <Viewer artifact={result.data} of={of} />
        </section>
        <aside className="stack rail" aria-label="About the artifact">
          <Section title="Written by">
            <p className="body">
              {writer === undefined ? (
                <span className="muted">No task. It is a literal.</span>
              ) : (
                <Link to={toWriter(writer)} title={writer}>
                  {writerText(writer)}
                </Link>
              )}
            </p>
          </Section>
          <Uses digest={ref.digest} />
          {result.data.schema === undefined ? null : (
            <Section title="Schema">
              <div className="body schema">
                <JsonTree value={result.data.schema} open={2} />
              </div>
            </Section>
          )}
          {run === undefined || of === undefined || commands === undefined ? null : (
            <Section title="Command line">
              <div className="body">
                <Command says="dump">{`${commands.read} dump ${run.id}/${of.step}/${of.index}/${ref.name}`}</Command>
                <Command says="to a file">{`${commands.read} dump ${run.id}/${of.step}/${of.index}/${ref.name} --out ${ref.name}`}</Command>
              </div>
            </Section>
          )}
        </aside>
      </div>
    </div>
  )
}

export default Artifact

const writerText = (writer: string): string => {
  const [run = "", ...rest] = writer.split("/")
  return `${rest.join("/")} of ${shortId(run)}`
}

/** Whether the bytes still match their digest. The server reads all of them, in parts. */
const Verified = ({ digest }: { readonly digest: string }) => {
  const result = Api.useQuery(`verify ${digest}`, (signal) => Api.verify(digest, signal))
  if (result.error !== undefined) {
    return (
      <span className="altered" role="alert">
        {result.error.message}
      </span>
    )
  }
  return result.data === undefined ? (
    <span className="muted">verifying…</span>
  ) : (
    <span className="verified" title="The bytes match their SHA-256 digest, so they are unchanged.">
      ✓ verified
    </span>
  )
}

const Uses = ({ digest }: { readonly digest: string }) => {
  const result = Api.useQuery(`uses ${digest}`, (signal) => Api.uses(digest, signal))
  const uses = result.data ?? []
  const runs = new Set(uses.map(({ run }) => run))
  return (
    <Section title="Used in" count={uses.length}>
      {result.error === undefined ? null : <Failure error={result.error} />}
      <ul className="list uses">
        {uses.slice(0, 100).map(({ name, run, side, task }) => (
          <li key={`${run} ${task} ${side} ${name}`}>
            <span className="badge">{side}</span>
            <Link to={toTask(run, task)} className="grow">
              {task}
            </Link>
            <span className="muted mono" title={run}>
              {shortId(run)}
            </span>
          </li>
        ))}
      </ul>
      {uses.length === 0 ? null : <p className="viewer-note">{plural(runs.size, "run")}</p>}
    </Section>
  )
}
