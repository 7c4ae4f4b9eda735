/** A user's file that something writes to while it becomes an artifact. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { partSize } from "../../../src/internal/store/bytes.ts"
import { readable } from "../../../src/internal/store/files/parts.ts"
import * as UserFile from "../../../src/internal/store/userFile.ts"
import { temporaryDirectory } from "../../conformance/layers.ts"

const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "stored",
    (cause: Error) => cause.message
  )

describe("a file that is written to while it is stored", () => {
  it.effect("is refused, and one that is replaced is read to its end", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* temporaryDirectory, "data")
      const reset = () => Fs.writeFile(path, new Uint8Array(2 * partSize).fill(1))
      const collect = async (between: () => Promise<void>) => {
        await reset()
        let size = 0
        for await (const part of readable(path)) {
          if (size === 0) await between()
          size += part.length
        }
        return size
      }
      const overwrite = async () => {
        const file = await Fs.open(path, "r+")
        await file.write(new Uint8Array(10).fill(2), 0, 10, partSize + 5)
        await file.close()
      }
      const refusal = `The file ${path} changed while it was being stored. Store it when nothing writes to it.`
      const writes = [overwrite, () => Fs.appendFile(path, "more"), () => Fs.truncate(path, partSize)]
      for (const write of writes) {
        assert.strictEqual(yield* Effect.promise(() => messageOf(collect(write))), refusal)
        yield* Effect.promise(reset)
        assert.strictEqual(yield* Effect.promise(() => messageOf(UserFile.read(path, write))), refusal)
      }
      const replace = async () => {
        await Fs.writeFile(`${path}.new`, "new")
        await Fs.rename(`${path}.new`, path)
      }
      assert.strictEqual(yield* Effect.promise(() => collect(replace)), 2 * partSize)
    }).pipe(Effect.scoped)
  )
})
