// The degraded mode: where no WebSocket gets through, the history of each room is asked for now and then.

import type { Position } from './positions.js'

/** Messages asked for at a time; as many as this, and there may be more. */
const PAGE = 256

export interface PollerHost {
  fetch: typeof fetch | undefined
  base(): string
  /** Milliseconds between two turns, and for each answer. */
  interval: number
  limit: number
  token(): Promise<string | null | undefined> | string | null | undefined
  rooms(): string[]
  position(room: string): Position | undefined
  message(raw: Record<string, unknown>): void
  /** The room stands there; `told`: what lay between is missing. */
  at(room: string, position: Position, told: boolean): void
  /** After each turn: whether there was an answer at all. */
  turned(answered: boolean): void
}

interface Answer {
  messages: Record<string, unknown>[]
  /** null: there is no such room. */
  epoch: string | null
  offset: number
  recovered: boolean
}

export class Poller {
  private timer: ReturnType<typeof setTimeout> | undefined
  private abort: AbortController | null = null
  private answered = false

  constructor(private readonly host: PollerHost) {}

  start(): void {
    if (this.abort) return
    this.abort = new AbortController()
    void this.turn(this.abort.signal)
  }

  stop(): void {
    this.abort?.abort()
    this.abort = null
    clearTimeout(this.timer)
  }

  private async turn(signal: AbortSignal): Promise<void> {
    const { host } = this
    this.answered = false
    try {
      const late = new Promise<null>((end) => (this.timer = setTimeout(end, host.limit, null)))
      const token = await Promise.race([host.token(), late])
      clearTimeout(this.timer)
      for (const room of host.rooms())
        while (!signal.aborted && (await this.page(room, token, signal).catch(() => false))); // what can't be had now: later
    } catch {
      // There is no token now.
    }
    if (signal.aborted) return
    host.turned(this.answered)
    this.timer = setTimeout(() => void this.turn(signal), host.interval)
  }

  /** Whether there may be more. */
  private async page(room: string, token: string | null | undefined, signal: AbortSignal): Promise<boolean> {
    const { host } = this
    const position = host.position(room)
    const known = position && { ...position } // where it was when it asked
    const query = new URLSearchParams({ room, limit: String(PAGE) })
    if (known) query.set('since', `${known.epoch}:${known.offset}`)
    const { messages, epoch, offset, recovered } = await this.ask(query, token, signal)
    if (signal.aborted) return false
    this.answered = true
    // A room that is not there stands nowhere, and so does not go on from there when it is.
    const here = { epoch: epoch ?? '', offset }
    const told = known && !recovered && (known.epoch !== here.epoch || known.offset !== offset)
    if (recovered) for (const message of messages) host.message(message)
    host.at(room, here, !!told)
    return recovered && messages.length >= PAGE
  }

  private async ask(query: URLSearchParams, token: string | null | undefined, signal: AbortSignal): Promise<Answer> {
    const request = new AbortController()
    const end = () => request.abort()
    const timer = setTimeout(end, this.host.limit)
    signal.addEventListener('abort', end)
    try {
      const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {}
      const answer = await this.host.fetch!(`${this.host.base()}/history?${query}`, { headers, signal: request.signal })
      if (!answer.ok) throw new Error(answer.statusText)
      return (await answer.json()) as Answer
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }
}
