/** The workers of a cluster: what each executes, and how many tasks wait for one. Read again every two seconds. */
import { useEffect } from "react"
import * as Api from "../api.ts"
import { duration, plural } from "../format.ts"
import { useTitle } from "../hooks.ts"
import { Ago, Command, Empty, Failure, Loading } from "../parts/basic.tsx"
import "../styles/run.css"

const refreshIntervalMs = 2000

const Workers = ({ about }: { readonly about: Api.About }) => {
  useTitle("Workers")
  const { data, error, reload } = Api.useQuery("workers", Api.workers)
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload()
    }, refreshIntervalMs)
    return () => clearInterval(timer)
  }, [reload])
  if (error !== undefined) return <Failure error={error} retry={reload} />
  if (data === undefined) return <Loading what="the workers" />
  const queues = data.queues.filter(({ waiting }) => waiting > 0)
  return (
    <section className="workers">
      <h1>Workers</h1>
      {queues.map(({ group, oldestWaitMs, waiting }) => (
        <p key={group} role="status">
          {plural(waiting, "task")} of group “{group}” {waiting === 1 ? "waits" : "wait"} for a worker
          {oldestWaitMs === undefined ? "" : `, the oldest for ${duration(oldestWaitMs)}`}.
        </p>
      ))}
      {data.workers.length === 0 ? (
        <Empty title="No worker was seen in the last minute">
          {about.flow === undefined ? (
            <p>
              Start one with <code>effect-flow worker --module FILE</code>, where FILE exports the flows.
            </p>
          ) : (
            <Command>{`${about.command} worker`}</Command>
          )}
        </Empty>
      ) : (
        <div className="worker-table" tabIndex={0} role="group" aria-label="Workers">
          <table>
            <thead>
              <tr>
                {["Worker", "Group", "Version", "Threads", "Busy", "Queued", "Seen", "Flows"].map((heading) => (
                  <th key={heading} scope="col">
                    {heading}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.workers.map((worker) => (
                <tr key={`${worker.group} ${worker.address}`}>
                  <th scope="row" title={`process ${worker.pid} on ${worker.host}`}>
                    {worker.address}
                    {worker.draining ? " (draining)" : ""}
                  </th>
                  <td>{worker.group}</td>
                  <td>{worker.version}</td>
                  <td>{worker.threads}</td>
                  <td>{worker.busy}</td>
                  <td>{worker.queued}</td>
                  <td>
                    <Ago at={worker.seenAt} />
                  </td>
                  <td>{worker.flows.join(", ")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

export default Workers
