/**
 * What the compiler asks of a flow's output: refs, states and plain data, which a run's record can represent, so that
 * `Run.output` returns what the body yielded. Anything else needs a schema in the flow's `output`. A class whose instances
 * have no methods looks like plain data to the compiler: those are refused when the run ends.
 */
import type * as Effect from "effect/Effect"
import type { Exit } from "effect/Exit"
import type * as Option from "effect/Option"
import type { Result } from "effect/Result"
import type { Ref } from "../../Ref.ts"
import type { MergeConflict } from "../../Step.ts"

/** What the record has a form for, whatever is in it. `schema/taggedJson.ts` writes it. */
type Recorded =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Ref<any>
  | TaggedError

/** An error that a step may have declared, so that the record has its schema. */
type TaggedError = Error & { readonly _tag: string }

type Method = (...given: never) => unknown

/** What is data neither as a whole nor in parts. */
type Opaque = Method | symbol | Error | Effect.Effect<any, any, any> | PromiseLike<any> | { readonly pipe: Method }

/**
 * `true` if a type has what a record can't represent, up to four levels deep, else `never`. It knows no place, so that the compiler
 * looks at each type once, wherever it is: data as other services describe theirs has thousands of places.
 */
export type Unrecordable<A, Depth extends ReadonlyArray<unknown> = []> = Depth["length"] extends 4
  ? never
  : 0 extends 1 & A
    ? never
    : unknown extends A
      ? never
      : A extends null | undefined // without strict null checks, they extend everything
        ? never
        : A extends Recorded
          ? never
          : A extends Holder<infer Item>
            ? Unrecordable<Item, [...Depth, 0]>
            : A extends PairHolder<infer One, infer Other>
              ? Unrecordable<One | Other, [...Depth, 0]>
              : A extends Effect.Effect<infer State, MergeConflict>
                ? IsMerged<A, State> extends true
                  ? never
                  : true
                : A extends Opaque
                  ? true
                  : A extends object
                    ? [MethodsOf<A>] extends [never]
                      ? { [K in Named<A>]-?: Unrecordable<A[K], [...Depth, 0]> }[Named<A>]
                      : true
                    : never

/** What holds values of one type. */
export type Holder<Item> = Option.Option<Item> | ReadonlyArray<Item> | ReadonlySet<Item>

/** What holds values of two types. */
export type PairHolder<One, Other> = ReadonlyMap<One, Other> | Result<One, Other> | Exit<One, Other>

/** What `Step.merge` gives is the refs, and also an effect that yields them. No other effect is what it yields. */
type IsMerged<A, State> = unknown extends State ? false : A extends State ? true : false

/** Where in a type there is what a record can't represent: `a.b`. Only the parts that have it are searched. */
export type PlaceOf<A, Path extends string = "", Depth extends ReadonlyArray<unknown> = []> = A extends null | undefined
  ? never
  : [Unrecordable<A, Depth>] extends [never]
    ? never
    : A extends Holder<infer Item>
      ? PlaceOf<Item, Path, [...Depth, 0]>
      : A extends PairHolder<infer One, infer Other>
        ? PlaceOf<One | Other, Path, [...Depth, 0]>
        : A extends Opaque
          ? Path
          : [MethodsOf<A>] extends [never]
            ? { [K in Named<A>]-?: PlaceOf<A[K], Below<Path, K>, [...Depth, 0]> }[Named<A>]
            : IsUnion<MethodsOf<A>> extends true
              ? Path // an instance of a class, named as a whole
              : Below<Path, MethodsOf<A>>

/** The keys of an object that a record would have: phantom types are under symbols. */
type Named<A> = keyof A & (string | number)

type MethodsOf<A> = { [K in keyof A & string]: IsMethod<A[K]> extends true ? K : never }[keyof A & string]

type IsMethod<A> = 0 extends 1 & A ? false : [A] extends [null | undefined] ? false : A extends Method ? true : false

type IsUnion<A, Whole = A> = A extends unknown ? ([Whole] extends [A] ? false : true) : never

type Below<
  Path extends string,
  Key extends string | number
> = `${Path extends "" ? "" : `${Path}.`}${string extends Key ? "…" : number extends Key ? "…" : Key}`

/** The message of the compiler when an output can't be recorded. */
export type UnrecordableMessage<Path extends string> =
  `the run's record can't represent this output${Path extends "" ? "" : ` (at ${Path})`}: yield refs or plain data, or give the flow a schema for it in \`output\``
