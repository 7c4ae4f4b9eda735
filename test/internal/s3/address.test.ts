/** Addresses in object storage: what users write, and what is said about mistakes. */
import { assert, describe, it } from "@effect/vitest"
import * as Address from "../../../src/internal/s3/address.ts"

const mistakeIn = (text: string): string => {
  const parsed = Address.parse(text)
  return "mistake" in parsed ? parsed.mistake : assert.fail(`${text} is an address`)
}

describe("an address", () => {
  it("has a bucket, a key and what reaches the server", () => {
    assert.deepStrictEqual(Address.parse("s3://flows"), { bucket: "flows", key: "" })
    assert.deepStrictEqual(Address.parse("S3://flows/team/a b"), { bucket: "flows", key: "team/a b" })
    assert.deepStrictEqual(
      Address.parse("s3://flows/x?endpoint=http://localhost:9000&region=eu-west-1&forcePathStyle=true"),
      {
        bucket: "flows",
        key: "x",
        endpoint: "http://localhost:9000",
        region: "eu-west-1",
        forcePathStyle: true
      }
    )
    assert.deepStrictEqual(Address.parse("s3://flows/what?.csv"), { bucket: "flows", key: "what?.csv" })
    assert.deepStrictEqual(["", "/", "a", "/a/", "a/b//"].map(Address.prefixOf), ["", "", "a/", "a/", "a/b/"])
  })

  it("is told what is wrong with it, and no password is repeated", () => {
    assert.include(mistakeIn("s3:/flows/nlp"), `two slashes must follow "s3:". Write it as s3://BUCKET/PREFIX.`)
    assert.include(mistakeIn("s3:flows"), "two slashes")
    assert.include(mistakeIn("s3://"), "must name one")
    assert.include(mistakeIn("s3:///nlp"), "must name one")
    assert.include(mistakeIn("s3://a b/nlp"), `"a b" can't be the name of a bucket`)
    assert.include(mistakeIn("s3://flows/x?zone=1"), `unknown option "zone"`)
    for (const key of ["..", "../other/x", "a/../b", "./a", "a/."]) {
      assert.include(mistakeIn(`s3://flows/${key}`), `"${key}" can't be a key`)
    }
    assert.include(
      mistakeIn("s3://flows?endpoint=minio:9000"),
      `"minio:9000" is not the URL of an object storage server`
    )
    for (const text of [
      "s3://ada:open-sesame@flows/nlp",
      "s3:/ada:open-sesame@flows/nlp",
      "s3://flows?endpoint=https://ada:open-sesame@host"
    ]) {
      assert.notInclude(mistakeIn(text), "open-sesame", text)
    }
  })
})
