/**
 * One stream of live events for any number of tabs. A browser opens at most six connections to a server, so a stream for
 * each tab would starve the seventh. Tabs say what they listen to, and the hub keeps one connection for all of it.
 */
import type { ChannelEvent, LiveEvent } from "../../internal/server/shapes.ts"

/** `since`: when the connection was lost. */
export type Connection = { readonly state: "idle" | "open" } | { readonly state: "lost"; readonly since: number }

/** What a tab tells the hub. It repeats `Listen` every few seconds, because a tab that is closed may say nothing. */
export type FromTab =
  /** The channels that the tab listens to: runs' ids, and `*` for the list of runs. None is fine. */
  { readonly _tag: "Listen"; readonly channels: ReadonlyArray<string> } | { readonly _tag: "Leave" }

/** What the hub tells a tab. */
export type ToTab =
  | { readonly _tag: "Connection"; readonly connection: Connection }
  /** From now on events of these channels arrive. What is on the screen may be stale. */
  | { readonly _tag: "Opened"; readonly channels: ReadonlyArray<string> }
  | { readonly _tag: "Event"; readonly channel: string; readonly event: LiveEvent }

/** The server sends an event at least every five seconds, so a longer silence means that the connection is lost. */
const silenceLimitMs = 12_000
/** A tab that was not heard of for this long is gone. */
const tabLimitMs = 20_000
/** A tab that listens says so this often. */
export const hereIntervalMs = 6000
/** Views change several channels at once. */
const settleMs = 20

interface Tab {
  readonly send: (message: ToTab) => void
  channels: ReadonlySet<string>
  heardAt: number
}

/** Makes the hub. Each tab gets a function that takes its messages. */
export const makeHub = () => {
  const tabs = new Set<Tab>()
  let source: EventSource | undefined
  let opening: EventSource | undefined
  let open: ReadonlySet<string> | undefined
  let connection: Connection = { state: "idle" }
  let retryDelayMs = 250
  let retry: ReturnType<typeof setTimeout> | undefined
  let watchdog: ReturnType<typeof setTimeout> | undefined
  let settle: ReturnType<typeof setTimeout> | undefined
  let sweep: ReturnType<typeof setInterval> | undefined

  const tell = (next: Connection): void => {
    if (next.state === connection.state) return
    connection = next
    for (const tab of tabs) tab.send({ _tag: "Connection", connection })
  }
  const forgetRetry = (): void => {
    clearTimeout(retry)
    retry = undefined
  }
  const closeAll = (): void => {
    source?.close()
    opening?.close()
    source = undefined
    opening = undefined
    open = undefined
    forgetRetry()
    clearTimeout(watchdog)
  }
  const reconnect = (): void => {
    closeAll()
    tell({ state: "lost", since: connection.state === "lost" ? connection.since : Date.now() })
    retry = setTimeout(connect, retryDelayMs)
    retryDelayMs = Math.min(retryDelayMs * 2, 4000)
  }
  const expectNews = (): void => {
    clearTimeout(watchdog)
    watchdog = setTimeout(reconnect, silenceLimitMs)
  }
  const wanted = (): ReadonlySet<string> => new Set([...tabs].flatMap((tab) => [...tab.channels]))

  const connect = (): void => {
    forgetRetry()
    opening?.close()
    if (tabs.size === 0) return
    const channels = wanted()
    const stream = new EventSource(`/api/events?of=${encodeURIComponent([...channels].join("\n"))}`)
    opening = stream
    if (source === undefined) expectNews()
    stream.onopen = () => {
      // Until now the earlier connection was heard, so nothing was missed on its channels.
      const before = open ?? new Set<string>()
      source?.close()
      source = stream
      opening = undefined
      open = channels
      retryDelayMs = 250
      expectNews()
      tell({ state: "open" })
      for (const tab of tabs) {
        const fresh = [...tab.channels].filter((channel) => channels.has(channel) && !before.has(channel))
        if (fresh.length > 0) tab.send({ _tag: "Opened", channels: fresh })
      }
      if (!isWanted()) connect()
    }
    stream.onmessage = (message) => {
      expectNews()
      const { event, of }: ChannelEvent = JSON.parse(message.data)
      if (event._tag === "Beat") return
      for (const tab of tabs) if (tab.channels.has(of)) tab.send({ _tag: "Event", channel: of, event })
    }
    stream.onerror = reconnect
  }
  /** Whether the open connection has the channels that tabs listen to, and no others. */
  const isWanted = (): boolean => {
    const channels = wanted()
    return open?.size === channels.size && [...channels].every((channel) => open?.has(channel))
  }
  const update = (): void => {
    clearTimeout(settle)
    settle = setTimeout(() => {
      if (tabs.size === 0) {
        closeAll()
        tell({ state: "idle" })
        clearInterval(sweep)
        sweep = undefined
        return
      }
      sweep ??= setInterval(dropSilent, tabLimitMs)
      if (retry !== undefined) return // it connects with what is wanted then
      // A connection that is being opened looks at what is wanted once it is open.
      if (opening === undefined && !isWanted()) connect()
    }, settleMs)
  }
  const dropSilent = (): void => {
    const oldest = Date.now() - tabLimitMs
    for (const tab of tabs) if (tab.heardAt < oldest) tabs.delete(tab)
    update()
  }

  return (send: (message: ToTab) => void) => {
    const tab: Tab = { send, channels: new Set(), heardAt: Date.now() }
    return (message: FromTab): void => {
      if (message._tag === "Leave") {
        if (tabs.delete(tab)) update()
        return
      }
      tab.heardAt = Date.now()
      const before = tabs.has(tab) ? tab.channels : new Set<string>()
      const isNew = !tabs.has(tab)
      tab.channels = new Set(message.channels)
      tabs.add(tab)
      if (isNew) send({ _tag: "Connection", connection })
      const fresh = message.channels.filter((channel) => !before.has(channel))
      // Channels that another tab listens to are open already.
      const openAlready = connection.state === "open" ? fresh.filter((channel) => open?.has(channel)) : []
      if (openAlready.length > 0) send({ _tag: "Opened", channels: openAlready })
      if (isNew || fresh.length > 0 || before.size !== tab.channels.size) update()
    }
  }
}
