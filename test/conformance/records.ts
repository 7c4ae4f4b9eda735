/** Records for the suites: short to write, complete to read. */
import type { LogRecord, RefRecord, RunRecord, TaskRecord } from "../../src/RunRecord.ts"
import type { Change } from "../../src/RunStore.ts"

export const run = (id: string, more: Partial<RunRecord> = {}): RunRecord => ({
  id,
  flow: "Flow",
  status: "running",
  parameters: {},
  startedAt: 1000,
  heartbeatAt: 1000,
  host: "host",
  pid: 1,
  systemTags: { user: "ada" },
  tags: [],
  ...more
})

export const ref = (name: string, digest: string, more: Partial<RefRecord> = {}): RefRecord => ({
  name,
  digest,
  size: 2,
  format: "json",
  mediaType: "application/json",
  schema: "s1",
  ...more
})

export const task = (run: string, index: number, more: Partial<TaskRecord> = {}): TaskRecord => {
  const step = more.step ?? "step"
  return {
    run,
    id: `${step}/${index}`,
    step,
    index,
    status: "succeeded",
    how: "executed",
    key: `key ${index}`,
    version: "1",
    startedAt: 1000,
    attempts: [],
    parents: [],
    inputs: [],
    outputs: [],
    ...more
  }
}

export const line = (run: string, task: string, message: string, more: Partial<LogRecord> = {}): LogRecord => ({
  run,
  task,
  attempt: 1,
  at: 1000,
  level: "INFO",
  message,
  ...more
})

export const putRun = (run: RunRecord): Change => ({ _tag: "Run", run })

export const putTask = (task: TaskRecord, more: Partial<Extract<Change, { readonly _tag: "Task" }>> = {}): Change => ({
  _tag: "Task",
  task,
  blobs: [],
  schemas: [],
  ...more
})
