/** A place of its own in a Postgres that is there: a schema, which is gone with the scope. */
import { randomUUID } from "node:crypto"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"

/** Connections are of real time: a test's clock would close them whenever it is set. */
export const realTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, Clock.Clock.defaultValue())

/** A client for what a test does beside the store. */
export const client = (url: string) =>
  Effect.provideServiceEffect(PgClient.make({ url: Redacted.make(url) }), Reactivity.Reactivity, Reactivity.make)

/** The URL by which a store sees nothing but a new schema. */
export const schema = Effect.fnUntraced(
  function* (server: string) {
    const sql = yield* client(server)
    const name = `test_${randomUUID().replaceAll("-", "")}`
    yield* Effect.acquireRelease(sql.unsafe(`CREATE SCHEMA ${name}`), () =>
      realTime(Effect.orDie(sql.unsafe(`DROP SCHEMA ${name} CASCADE`)))
    )
    const url = new URL(server)
    url.searchParams.set("options", `-csearch_path=${name}`)
    return url.href
  },
  Effect.orDie,
  realTime
)
