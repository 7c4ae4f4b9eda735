/** Types that keep secrets out of stored values: parameters, artifacts, errors and outputs. */
import type * as Effect from "effect/Effect"
import type { Exit } from "effect/Exit"
import type * as Redacted from "effect/Redacted"

/** The message of the compiler when a secret would be stored. */
export type SecretMessage =
  "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"

type Leaf =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Date
  | ArrayBufferView
  | ((...given: never) => unknown)
  | Effect.Effect<any, any, any>

/** `true` if a type contains a `Redacted`, up to seven levels deep, else `never`. */
type HasSecret<A, Depth extends ReadonlyArray<unknown> = []> = Depth["length"] extends 7
  ? never
  : 0 extends 1 & A
    ? never
    : unknown extends A
      ? never
      : A extends null | undefined // without strict null checks, they extend everything
        ? never
        : A extends Redacted.Redacted<any>
          ? true
          : A extends Error // which is also an effect
            ? { [K in keyof A]-?: HasSecret<A[K], [...Depth, 0]> }[keyof A]
            : A extends Exit<infer Item, infer Failure>
              ? HasSecret<Item | Failure, [...Depth, 0]>
              : A extends Leaf
                ? never
                : A extends ReadonlyArray<infer Item>
                  ? HasSecret<Item, [...Depth, 0]>
                  : A extends ReadonlyMap<infer Key, infer Item>
                    ? HasSecret<Key | Item, [...Depth, 0]>
                    : A extends ReadonlySet<infer Item>
                      ? HasSecret<Item, [...Depth, 0]>
                      : A extends object
                        ? { [K in keyof A]-?: HasSecret<A[K], [...Depth, 0]> }[keyof A]
                        : never

/** `never` if a type contains a `Redacted`, else `true`. */
export type NoSecret<A> = IsNo<HasSecret<A>>

/**
 * `never` for an answer of `true`, and `true` for one of `never`. An expression that has an error already makes every
 * question about its type neither, which passes: the compiler then shows that error alone, and no sentence of ours.
 */
export type IsNo<Answer> = [Answer] extends [never] ? true : Answer extends true ? never : true
