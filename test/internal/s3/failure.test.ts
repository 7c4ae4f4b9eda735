/** What users are told about answers that the tests' own server does not give: the shapes are those of AWS. */
import { assert, describe, it } from "@effect/vitest"
import * as Failure from "../../../src/internal/s3/failure.ts"

const answer = (status: number, code: string, more = "", headers = {}) =>
  Failure.ofAnswer(
    {
      status,
      headers: { date: "Thu, 26 Nov 2026 16:00:00 GMT", ...headers },
      body: new TextEncoder().encode(
        code === ""
          ? ""
          : `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>Said by the server.</Message>${more}</Error>`
      )
    },
    {
      bucket: "flows",
      server: "https://s3.us-east-1.amazonaws.com",
      region: "us-east-1",
      action: "s3:GetObject",
      now: Date.parse("2026-11-26T16:17:00Z")
    }
  )

describe("a refusal", () => {
  it("says which region a bucket is in", () => {
    for (const error of [
      answer(301, "PermanentRedirect", "", { "x-amz-bucket-region": "eu-west-1" }),
      answer(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
      answer(301, "", "", { "x-amz-bucket-region": "eu-west-1" })
    ]) {
      assert.strictEqual(error.region, "eu-west-1")
      assert.strictEqual(
        error.reason,
        'the bucket "flows" is in the region eu-west-1, and us-east-1 was asked. Set AWS_REGION, or the region option, to eu-west-1'
      )
    }
  })

  it("says how wrong the clock is", () => {
    assert.strictEqual(
      answer(403, "RequestTimeTooSkewed").reason,
      "this machine's clock is 17 min 0 s ahead of the server's, so the server rejects its signatures. Set the clock, for example with NTP"
    )
  })

  it("names the action that is denied, and credentials that expired", () => {
    assert.include(answer(403, "AccessDenied").reason, 'do not allow s3:GetObject on the bucket "flows"')
    assert.include(answer(403, "").reason, 'do not allow s3:GetObject on the bucket "flows"')
    const expired = answer(400, "ExpiredToken")
    assert.isTrue(Failure.isExpired(expired))
    assert.include(expired.reason, "the credentials have expired (ExpiredToken). Renew them")
    assert.include(answer(418, "Teapot").reason, "answered 418 (Teapot: Said by the server)")
  })

  it("is tried again only where that may help", () => {
    for (const [status, code] of [
      [503, "SlowDown"],
      [500, "InternalError"],
      [429, ""],
      [400, "RequestTimeout"],
      [502, ""]
    ] as const)
      assert.isTrue(Failure.isPassing(answer(status, code)), code)
    for (const [status, code] of [
      [403, "AccessDenied"],
      [404, "NoSuchKey"],
      [404, "NoSuchBucket"],
      [412, "PreconditionFailed"],
      [400, "InvalidRequest"]
    ] as const)
      assert.isFalse(Failure.isPassing(answer(status, code)), code)
  })
})
