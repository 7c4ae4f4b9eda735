/**
 * Keeps an error in a part of the page from blanking the whole page. Parts that are loaded when they are needed may be
 * missing: because the server is gone, or because it was replaced by one with another version of the page.
 */
import { Component, type ComponentType, type ReactNode, Suspense, use } from "react"
import { onConnected } from "../live.ts"
import { Loading } from "./basic.tsx"

/** A part of the page could not be loaded. */
class PartError extends Error {}

/** What forgets the failures of parts, so that they are asked for again. */
const failed = new Set<() => void>()

/** A component whose code is loaded when it is first shown. */
export const lazyPart = <P extends object>(
  load: () => Promise<{ readonly default: ComponentType<P> }>,
  what: string
): ComponentType<P> => {
  let loading: Promise<ComponentType<P>> | undefined
  const start = () => {
    loading ??= load().then(
      (module) => module.default,
      (cause) => {
        failed.add(() => {
          loading = undefined
        })
        throw new PartError(String(cause))
      }
    )
    return loading
  }
  const Part = (props: P) => {
    const Loaded = use(start())
    return <Loaded {...props} />
  }
  return (props: P) => (
    <Suspense fallback={<Loading what={what} />}>
      <Part {...props} />
    </Suspense>
  )
}

interface BoundaryProps {
  readonly children: ReactNode
  /** Another value clears the error: the user went elsewhere. */
  readonly place: string
}

interface BoundaryState {
  readonly error: Error | undefined
  /** Whether the server answers although a part could not be loaded: then it has another version of the page. */
  readonly isReplaced: boolean
}

const sound: BoundaryState = { error: undefined, isReplaced: false }

export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state = sound
  #forget: (() => void) | undefined

  static getDerivedStateFromError(error: unknown): BoundaryState {
    return { error: error instanceof Error ? error : new Error(String(error)), isReplaced: false }
  }

  override componentDidMount(): void {
    this.#forget = onConnected(() => {
      if (this.state.error instanceof PartError) this.retry()
    })
  }

  override componentWillUnmount(): void {
    this.#forget?.()
  }

  override componentDidUpdate(before: BoundaryProps): void {
    if (before.place !== this.props.place && this.state.error !== undefined) this.retry()
  }

  override componentDidCatch(error: unknown): void {
    if (!(error instanceof PartError)) return
    fetch("/api/about").then(
      ({ ok }) => {
        if (ok) this.setState({ isReplaced: true })
      },
      () => {}
    )
  }

  retry = (): void => {
    for (const forget of failed) forget()
    failed.clear()
    this.setState(sound)
  }

  override render(): ReactNode {
    const { error, isReplaced } = this.state
    if (error === undefined) return this.props.children
    const sentence = !(error instanceof PartError)
      ? `This part of the page failed: ${error.message}. Its data are safe.`
      : isReplaced
        ? "This part of the page could not be loaded: the server has another version of the page. Reload to get it."
        : "This part of the page could not be loaded, because the server can't be reached. If it was stopped, start it again."
    return (
      <div className="notice bad" role="alert">
        <p>{sentence}</p>
        <button type="button" onClick={this.retry}>
          Try again
        </button>
        <button type="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </div>
    )
  }
}
