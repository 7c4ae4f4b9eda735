/**
 * The verbs that read a store and need no flow: their flags, arguments and help. The code of a verb is in a module of
 * its own that is loaded only when the verb runs, so that `--help` is fast.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import type { Cli } from "./cli.ts"
import {
  aRun,
  format,
  json,
  lazily,
  maybe,
  off,
  optional,
  port,
  runArgument,
  type Select,
  targetArgument,
  whole
} from "./flags.ts"

const tags = (description: string) => Flag.String("tag").pipe(Flag.withDescription(description), Flag.between(0, 50))

/** The commands of these verbs. */
export const verbs = (cli: Cli, select: Select) => [
  Command.make(
    "runs",
    {
      status: Flag.Literals("status", ["running", "succeeded", "failed", "interrupted", "crashed"]).pipe(
        Flag.withDescription("Only runs with this status"),
        Flag.optional
      ),
      tag: tags("Only runs that have this tag; can be repeated"),
      since: Flag.Date("since").pipe(
        Flag.withMetavar("date"),
        Flag.withDescription("Only runs started at this time or later"),
        Flag.optional
      ),
      limit: whole("limit", "The maximum number of runs (default: 20; 0: all)", { least: 0 }),
      json: json("the runs")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/runs.ts"))((module) =>
          module.runs(cli, chosen, {
            status: maybe(input.status),
            tags: input.tag,
            since: maybe(input.since)?.getTime(),
            limit: maybe(input.limit) ?? 20,
            json: input.json
          })
        )
      )
  ).pipe(Command.withDescription("List runs, newest first")),

  Command.make(
    "show",
    { target: targetArgument, format: format(["text", "mermaid", "dot", "json"]), json: json("the run and its tasks") },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/show.ts"))((module) =>
          module.show(cli, chosen, input.target, input.json ? "json" : input.format)
        )
      )
  ).pipe(Command.withDescription("Show a run: its tasks with status, duration and errors")),

  Command.make(
    "logs",
    {
      target: targetArgument,
      follow: off("follow", "Keep printing new lines until the run ends").pipe(Flag.withAlias("f")),
      attempt: whole("attempt", "Only this attempt", { least: 1 }),
      json: json("the lines")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/logs.ts"))((module) =>
          module.logs(cli, chosen, input.target, {
            follow: input.follow,
            attempt: maybe(input.attempt),
            json: input.json
          })
        )
      )
  ).pipe(Command.withDescription("Show the log of a run's tasks")),

  Command.make(
    "dump",
    {
      target: Argument.String("run/step[/id]/artifact").pipe(
        Argument.withDescription("An artifact that a task wrote or read: latest/train/model, latest/train/3/model")
      ),
      out: optional("out", "file", "Write the stored bytes to this file"),
      rows: whole("rows", "The number of rows of a table or dataset to print (default: 10; for CSV, all)", {
        least: 0
      }),
      from: whole("from", "The first row to print, counted from 1", { least: 1 }),
      tail: off("tail", "Print the last rows in place of the first"),
      columns: optional("columns", "names", "Print only these columns: a,b"),
      csv: off("csv", "Print rows as CSV"),
      json: json("a table's rows, or tensors' shapes,")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/dump.ts"))((module) =>
          module.dump(cli, chosen, input.target, {
            out: maybe(input.out),
            rows: maybe(input.rows),
            from: maybe(input.from),
            tail: input.tail,
            columns: maybe(input.columns),
            csv: input.csv,
            json: input.json
          })
        )
      )
  ).pipe(
    Command.withDescription(
      "Print an artifact: JSON and text in full, rows of a table or dataset, the shapes of tensors"
    )
  ),

  Command.make(
    "schema",
    {
      files: Argument.String("file").pipe(
        Argument.withDescription("Parquet, CSV or JSON Lines files, as paths, patterns ('data/*.parquet') or URLs"),
        Argument.variadic({ min: 1 })
      ),
      json: json("the schema, row groups and statistics")
    },
    (input) =>
      select(() =>
        lazily(() => import("./verbs/schema.ts"))((module) => module.schema(cli, input.files, { json: input.json }))
      )
  ).pipe(Command.withDescription("Show what a file's columns hold, and the Artifact.table that reads it")),

  Command.make(
    "why",
    {
      target: targetArgument,
      step: Argument.String("step[/id]").pipe(
        Argument.withDescription("Only this step or task: why latest train is why latest/train"),
        Argument.optional
      ),
      json: json("the reasons")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/why.ts"))((module) =>
          module.why(cli, chosen, [input.target, ...Option.toArray(input.step)].join("/"), input.json)
        )
      )
  ).pipe(Command.withDescription("Explain why each task was executed, taken over or cached")),

  Command.make("diff", { left: aRun("run"), right: aRun("other"), json: json("the differences") }, (input) =>
    select((chosen) =>
      lazily(() => import("./verbs/diff.ts"))((module) => module.diff(cli, chosen, input.left, input.right, input.json))
    )
  ).pipe(Command.withDescription("Compare two runs: parameters, metrics, artifacts")),

  tagVerb(cli, select),

  workersVerb(cli, select),

  Command.make(
    "cancel",
    { run: aRun("run"), reason: optional("reason", "text", "Why the run is cancelled; kept in its record") },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/cancel.ts"))((module) =>
          module.cancel(cli, chosen, input.run, maybe(input.reason))
        )
      )
  ).pipe(Command.withDescription("End a run that is still running, in any process, or one whose process is gone")),

  Command.make(
    "card",
    {
      target: targetArgument,
      out: optional("out", "file", "The HTML file (default: stdout)")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/card.ts"))((module) => module.card(cli, chosen, input.target, maybe(input.out)))
      )
  ).pipe(Command.withDescription("Write the cards of tasks as one self-contained HTML file")),

  Command.make(
    "ui",
    {
      port: port("port", "The port (default: 4747, or any free port)"),
      host: optional(
        "host",
        "address",
        "The address to listen on (default: 127.0.0.1, which only this machine reaches)"
      )
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/ui.ts"))((module) =>
          module.ui(cli, chosen, { port: maybe(input.port), host: maybe(input.host) })
        )
      )
  ).pipe(Command.withDescription("Serve a live web page of the store's runs")),

  Command.make(
    "verify",
    {
      repair: off("repair", "Restore damaged artifacts from other copies in the store, and set the rest aside"),
      json: json("the faults")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/verify.ts"))((module) =>
          module.verify(cli, chosen, { repair: input.repair, json: input.json })
        )
      )
  ).pipe(Command.withDescription("Check every artifact and record of the store; exit code 1 if damage remains")),

  Command.make(
    "copy",
    {
      runs: Argument.String("run").pipe(
        Argument.withDescription('Runs: their ids, unique prefixes, or "latest"'),
        Argument.variadic({ min: 1 })
      ),
      to: Flag.String("to").pipe(
        Flag.withMetavar("store"),
        Flag.withDescription("The other store: its directory, or the Postgres URL of a shared store")
      ),
      toBlobs: optional(
        "to-blobs",
        "dir|s3://bucket/prefix",
        "Where the other store keeps large artifacts: a bucket, or for a store in Postgres, a directory"
      ),
      json: json("what was copied")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/copy.ts"))((module) =>
          module.copy(cli, chosen, {
            runs: input.runs,
            to: input.to,
            toBlobs: maybe(input.toBlobs),
            json: input.json
          })
        )
      )
  ).pipe(
    Command.withDescription("Copy runs, and the runs that they depend on, to another store; can be repeated if cut off")
  ),

  Command.make(
    "gc",
    {
      keepRuns: whole("keep-runs", "Keep the newest n runs of each flow", { least: 0 }),
      keepDays: Flag.Finite("keep-days").pipe(
        Flag.withMetavar("days"),
        Flag.withDescription("Keep runs that are at most this old"),
        Flag.filter(
          (value) => value >= 0,
          () => "Expected a non-negative number"
        ),
        Flag.optional
      ),
      keepTag: Flag.String("keep-tag").pipe(
        Flag.withMetavar("tag"),
        Flag.withDescription("Keep runs that have this tag; can be repeated"),
        Flag.between(0, 50)
      ),
      dryRun: off("dry-run", "Only report what would be removed"),
      json: json("what was removed")
    },
    (input) =>
      select((chosen) =>
        lazily(() => import("./verbs/gc.ts"))((module) =>
          module.gc(cli, chosen, {
            keepRuns: maybe(input.keepRuns),
            keepDays: maybe(input.keepDays),
            keepTags: input.keepTag,
            dryRun: input.dryRun,
            json: input.json
          })
        )
      )
  ).pipe(Command.withDescription("Remove runs that no rule keeps, and artifacts that no run refers to any more"))
]

const tagVerb = (cli: Cli, select: Select) => {
  const load = lazily(() => import("./verbs/tag.ts"))
  const run = aRun("run")
  const word = Argument.String("tag").pipe(Argument.withDescription("Tags"))
  const words = Argument.variadic(word, { min: 1 })
  const anyWords = Argument.variadic(word, { min: 0 })
  return Command.make("tag").pipe(
    Command.withDescription("Add, remove, replace and list the tags of a run"),
    Command.withSubcommands([
      Command.make("add", { run, tags: words }, (input) =>
        select((chosen) => load((module) => module.change(cli, chosen, input.run, { add: input.tags })))
      ).pipe(Command.withDescription("Add tags to a run")),
      Command.make("remove", { run, tags: words }, (input) =>
        select((chosen) => load((module) => module.change(cli, chosen, input.run, { remove: input.tags })))
      ).pipe(Command.withDescription("Remove tags from a run")),
      Command.make("replace", { run, tags: anyWords }, (input) =>
        select((chosen) => load((module) => module.change(cli, chosen, input.run, { replace: input.tags })))
      ).pipe(Command.withDescription("Replace all tags of a run; without new ones, remove all")),
      Command.make("list", { run: runArgument, json: json("the tags") }, (input) =>
        select((chosen) => load((module) => module.list(cli, chosen, input.run, input.json)))
      ).pipe(Command.withDescription("List the tags of a run, including system tags"))
    ])
  )
}

const workersVerb = (cli: Cli, select: Select) => {
  const load = lazily(() => import("./verbs/workers.ts"))
  const group = optional("group", "name", "Only this group of workers (default: all)")
  const address = Argument.String("address").pipe(Argument.withDescription("A worker's host:port, or all"))
  return Command.make("workers", { group, json: json("the workers and queues") }, (input) =>
    select((chosen) => load((module) => module.workers(cli, chosen, { group: maybe(input.group), json: input.json })))
  ).pipe(
    Command.withDescription("List the workers of a cluster, what they do, and how many tasks wait for one"),
    Command.withSubcommands([
      Command.make("drain", { address, group }, (input) =>
        select((chosen) => load((module) => module.drain(cli, chosen, input.address, maybe(input.group))))
      ).pipe(Command.withDescription("Ask a worker, or all of them, to finish the tasks that have begun, and to stop"))
    ])
  )
}
