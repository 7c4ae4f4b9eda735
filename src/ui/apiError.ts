/** A failed request, with a sentence for the user. */
export class ApiError extends Error {
  /** The HTTP status. 0 if the server could not be reached. */
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}
