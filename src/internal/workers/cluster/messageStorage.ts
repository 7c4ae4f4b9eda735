/**
 * The storage of the cluster's messages: Effect's, with its tables, but with fewer statements. Effect's needs five for each
 * task (save the request, claim it, look for an interruption of it, mark it as processed, save its reply). Here a claim
 * looks for interruptions as well, a reply is one statement, and requests and replies that are saved at the same time share
 * one (see `Gather`). A call has the same durability as before: it ends once its statement has been committed.
 */
import { PersistenceError } from "effect/cluster/ClusterError"
import type * as Envelope from "effect/cluster/Envelope"
import * as MessageStorage from "effect/cluster/MessageStorage"
import type * as Reply from "effect/cluster/Reply"
import * as ShardId from "effect/cluster/ShardId"
import * as Snowflake from "effect/cluster/Snowflake"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import { monotonicMs } from "../../monotonic.ts"
import * as Away from "../../store/sql/away.ts"
import * as SqlRetry from "../../store/sql/retry.ts"
import { whileAway } from "./connection.ts"
import * as Gather from "./gather.ts"
import * as Resets from "./resets.ts"
import { interruptSignal } from "./workflows.ts"

/** Effect stores longer keys as digests. */
const longestKey = 255

/** What a claim said about interruptions holds for this long; then they are looked for in the database. */
const knownForMs = 5000

/** An abandoned request is released after this, when the engine has forgotten that it executed it. */
const releaseDelayMs = 500

/**
 * A claimed request without a reply is delivered again after this, in case its worker let go of it without a trace. The
 * engine skips what it is executing.
 */
const redeliveredAfter = "2 minutes"

/** A claim whose answer was lost may have begun earlier by the database's clock, by a slow network's delay. */
const claimMarginMs = 2000

interface Keyed {
  readonly envelope: Extract<Envelope.Encoded, { readonly _tag: "Request" }>
  readonly key: string
  readonly deliverAt: number | null
}

type WithExit = Extract<Reply.Encoded, { readonly _tag: "WithExit" }>

/** A message's row, as `claim` selects it. The kinds are Effect's: request, acknowledgement, interruption. */
interface Row {
  readonly id: string
  readonly kind: number
  readonly shard_id: string
  readonly entity_type: string
  readonly entity_id: string
  readonly tag: string | null
  readonly payload: string | null
  readonly headers: string | null
  readonly trace_id: string | null
  readonly span_id: string | null
  readonly sampled: boolean | null
  readonly request_id: string
  readonly reply_id: string | null
  readonly chunk_id: string | null
  readonly chunk_sequence: number | null
  readonly chunk_values: string | null
  readonly has_interruption: boolean
}

/** The storage before its values are decoded. Its tables must be there. */
export const makeEncoded = Effect.fnUntraced(function* (prefix: string) {
  const base = yield* SqlMessageStorage.makeEncodedStorage({ prefix })
  const resets = Resets.make(base)
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const messages = `${prefix}_messages`
  const replies = `${prefix}_replies`

  /** Whether the caller's statements belong to a transaction of its own. */
  const isInTransaction = Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome)

  // --- saving --------------------------------------------------------------------------------------------------------

  /** Answers whether each request is new. */
  const saveRequest = yield* Gather.make((requests: ReadonlyArray<Keyed>) =>
    Effect.map(
      sql.unsafe<{ readonly id: string }>(
        `INSERT INTO ${messages} (id, request_id, message_id, shard_id, entity_type, entity_id, kind, tag, payload, headers,
           trace_id, span_id, sampled, deliver_at)
         SELECT id, id, message_id, shard_id, entity_type, entity_id, 0, tag, payload, headers, trace_id, span_id, sampled, deliver_at
         FROM json_to_recordset($1::json) AS t (id bigint, message_id text, shard_id text, entity_type text, entity_id text,
           tag text, payload text, headers text, trace_id text, span_id text, sampled boolean, deliver_at bigint)
         ON CONFLICT (message_id) DO NOTHING RETURNING id::text AS id`,
        [JSON.stringify(requests.map(toRow))]
      ),
      (rows) => {
        const saved = new Set(rows.map(({ id }) => id))
        return requests.map(({ envelope }) => saved.has(envelope.requestId))
      }
    )
  )

  /**
   * Locks the messages in the order in which a claim does, so that the two can't wait for each other. The first reply stands:
   * a worker that lost its share in the meantime may come later, with its own.
   */
  const saveReply = yield* Gather.make((exits: ReadonlyArray<WithExit>) =>
    Effect.as(
      sql.unsafe(
        `WITH given AS (SELECT * FROM json_to_recordset($1::json) AS t (id bigint, request_id bigint, payload text)),
         locked AS (SELECT m.id, m.request_id FROM ${messages} m JOIN given USING (request_id) ORDER BY m.rowid FOR UPDATE OF m),
         saved AS (INSERT INTO ${replies} (id, kind, request_id, payload) SELECT id, 0, request_id, payload FROM given
           ON CONFLICT (request_id, kind) DO NOTHING RETURNING id, request_id)
         UPDATE ${messages} m SET processed = TRUE, last_reply_id = saved.id
         FROM locked JOIN saved USING (request_id) WHERE m.id = locked.id`,
        [
          JSON.stringify(
            exits.map(({ exit, id, requestId }) => ({ id, request_id: requestId, payload: JSON.stringify(exit) }))
          )
        ]
      ),
      exits
    )
  )

  const releaseRequest = `UPDATE ${messages} SET last_read = NULL WHERE id = $1::bigint AND NOT processed`

  // --- claiming ------------------------------------------------------------------------------------------------------

  /** Keys of interruptions that a claim did not find, and until when that is believed (monotonic milliseconds). */
  const absent = new Map<string, number>()

  const remember = (rows: ReadonlyArray<Row>, now: number) => {
    for (const [key, until] of absent) {
      if (until > now) break
      absent.delete(key)
    }
    for (const row of rows) {
      const key = `${row.entity_type}/${row.entity_id}/deferred/${interruptSignal.name}`
      absent.delete(key)
      if (row.kind === 0 && row.tag === "run" && !row.has_interruption) absent.set(key, now + knownForMs)
    }
  }

  /**
   * When a claim began whose answer was lost, and when the next one began (monotonic milliseconds). The database may have
   * marked messages for nobody in between.
   */
  let lost: { readonly since: number; readonly until?: number } | undefined

  const claim = Effect.fnUntraced(function* (
    shards: ReadonlyArray<string>,
    now: number,
    { addresses, limit }: NonNullable<Parameters<MessageStorage.Encoded["unprocessedMessages"]>[2]>
  ) {
    const startedAt = yield* monotonicMs
    if (lost !== undefined) lost = { until: startedAt, ...lost }
    const ago = (at: number) => `now() - INTERVAL '${Math.ceil(startedAt - at)} milliseconds'`
    const orLost =
      lost?.until === undefined
        ? ""
        : `OR (m.last_read > ${ago(lost.since - claimMarginMs)} AND m.last_read < ${ago(lost.until)})`
    const claiming = sql.unsafe<Row>(
      `WITH claimed AS (
         UPDATE ${messages} m SET last_read = now() FROM (
           SELECT m.id FROM ${messages} m
           WHERE m.shard_id = ANY($1::text[]) AND NOT m.processed
             AND (m.last_read IS NULL OR m.last_read < now() - INTERVAL '${redeliveredAfter}' ${orLost})
             AND (m.deliver_at IS NULL OR m.deliver_at <= $2::bigint)
             AND NOT EXISTS (SELECT 1 FROM ${replies} r WHERE r.request_id = m.request_id AND (r.kind = 0 OR NOT r.acked))
             ${addresses === undefined ? "" : "AND (m.shard_id, m.entity_type, m.entity_id) IN (SELECT * FROM json_to_recordset($4::json) AS t (shard text, type text, id text))"}
           ORDER BY m.rowid LIMIT $3::bigint FOR UPDATE
         ) AS ids WHERE m.id = ids.id RETURNING m.*
       )
       SELECT m.id::text AS id, m.kind, m.shard_id, m.entity_type, m.entity_id, m.tag, m.payload, m.headers, m.trace_id,
         m.span_id, m.sampled, m.request_id::text AS request_id, m.reply_id::text AS reply_id, r.id::text AS chunk_id,
         r.sequence AS chunk_sequence, r.payload AS chunk_values,
         m.tag = 'run' AND EXISTS (SELECT 1 FROM ${messages} d WHERE d.message_id = m.entity_type || '/' || m.entity_id || '/deferred/${interruptSignal.name}') AS has_interruption
       FROM claimed m LEFT JOIN ${replies} r ON r.id = m.last_reply_id ORDER BY m.rowid`,
      [
        shards,
        now,
        limit ?? null,
        ...(addresses === undefined
          ? []
          : [
              JSON.stringify(
                addresses.map((address) => ({
                  shard: address.shardId.toString(),
                  type: address.entityType,
                  id: address.entityId
                }))
              )
            ])
      ]
    )
    const rows = yield* Effect.onExit(claiming, (exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit)) lost = { since: lost?.since ?? startedAt }
        // A claim for certain addresses, or for a few messages, may leave some.
        else if (addresses === undefined && (limit === undefined || exit.value.length < limit)) lost = undefined
      })
    )
    remember(rows, yield* monotonicMs)
    return rows.map(toMessage)
  })

  return {
    ...base,
    saveEnvelope: Effect.fnUntraced(function* (options) {
      const { deliverAt, envelope, primaryKey: key } = options
      const isGathered = envelope._tag === "Request" && key !== null && key.length <= longestKey
      if (!isGathered || (yield* isInTransaction)) return yield* base.saveEnvelope(options)
      const isNew = yield* PersistenceError.refail(saveRequest({ envelope, key, deliverAt }))
      // Effect's own finds the request that is already there, and its reply.
      return isNew ? MessageStorage.SaveResultEncoded.Success() : yield* base.saveEnvelope(options)
    }),
    saveReply: Effect.fnUntraced(function* (reply) {
      if (reply._tag === "Chunk" || (yield* isInTransaction)) return yield* base.saveReply(reply)
      if (isAbandoned(reply)) {
        // It must not be forgotten because the database is away for a moment: nobody would execute it then.
        const release = Effect.ignore(whileAway(sql.unsafe(releaseRequest, [reply.requestId])))
        return yield* Effect.asVoid(Effect.forkDetach(Effect.delay(release, releaseDelayMs)))
      }
      // The body has run: its result must not be lost because the disk is full for a moment.
      yield* PersistenceError.refail(SqlRetry.whileBusy(saveReply(reply), { isAway: Away.isAway }))
    }),
    resetShards: resets.resetShards,
    resetRequests: resets.resetRequests,
    resetAddresses: resets.resetAddresses,
    unprocessedMessages: (shards, now, options) =>
      options?.addresses?.length === 0
        ? Effect.succeed([])
        : Effect.andThen(resets.redo(shards), PersistenceError.refail(claim(shards, now, options ?? {}))).pipe(
            Effect.withTracerEnabled(false)
          ),
    requestIdForPrimaryKey: Effect.fnUntraced(function* (key) {
      const until = absent.get(key)
      if (until === undefined) return yield* base.requestIdForPrimaryKey(key)
      absent.delete(key)
      return until > (yield* monotonicMs) ? Option.none() : yield* base.requestIdForPrimaryKey(key)
    })
  } satisfies MessageStorage.Encoded
}, Effect.withTracerEnabled(false))

/**
 * Whether an execution only ended because its worker did, or lost it for a while. That is no answer: a workflow that was
 * interrupted by request answers so in a result. The next worker that has the shard executes it.
 */
const isAbandoned = ({ exit }: WithExit): boolean =>
  exit._tag === "Failure" && exit.cause.every(({ _tag }) => _tag === "Interrupt")

/** A request as a row of the messages. */
const toRow = ({ deliverAt, envelope, key }: Keyed) => ({
  id: envelope.requestId,
  message_id: key,
  shard_id: ShardId.toString(envelope.address.shardId),
  entity_type: envelope.address.entityType,
  entity_id: envelope.address.entityId,
  tag: envelope.tag,
  payload: JSON.stringify(envelope.payload),
  headers: JSON.stringify(envelope.headers),
  trace_id: envelope.traceId,
  span_id: envelope.spanId,
  sampled: envelope.sampled,
  deliver_at: deliverAt
})

const toMessage = (row: Row) => {
  const address = {
    shardId: ShardId.fromStringEncoded(row.shard_id),
    entityType: row.entity_type,
    entityId: row.entity_id
  } as Envelope.Encoded["address"] // its parts are brands of text
  return { envelope: toEnvelope(row, address), lastSentReply: lastChunk(row) }
}

const toEnvelope = (row: Row, address: Envelope.Encoded["address"]): Envelope.Encoded => {
  const about = { id: row.id, requestId: row.request_id, address }
  if (row.kind === 1) return { _tag: "AckChunk", ...about, replyId: String(row.reply_id) }
  if (row.kind === 2) return { _tag: "Interrupt", ...about }
  return {
    _tag: "Request",
    requestId: row.id,
    address,
    tag: row.tag ?? "",
    payload: JSON.parse(row.payload ?? "null"),
    headers: JSON.parse(row.headers ?? "{}"),
    ...(row.trace_id === null
      ? undefined
      : { traceId: row.trace_id, spanId: row.span_id ?? "", sampled: row.sampled === true })
  }
}

const lastChunk = (row: Row): Option.Option<Reply.Encoded> =>
  row.kind !== 0 || row.chunk_id === null
    ? Option.none()
    : Option.some({
        _tag: "Chunk",
        id: row.chunk_id,
        requestId: row.request_id,
        sequence: Number(row.chunk_sequence),
        values: JSON.parse(row.chunk_values ?? "[]")
      })

/** The storage of a group. Its tables are made if they are missing. */
export const layer = (prefix: string) =>
  Layer.effect(MessageStorage.MessageStorage, Effect.flatMap(makeEncoded(prefix), MessageStorage.makeEncoded)).pipe(
    Layer.provide(Snowflake.layerGenerator),
    Layer.provide(SqlMessageStorage.layerMigrations({ prefix }))
  )
