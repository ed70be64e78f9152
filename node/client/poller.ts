// The degraded mode: where no WebSocket gets through, the history of each room is asked for now and then.

import type { Position } from './positions.js'

export interface PollerHost {
  fetch: typeof fetch | undefined
  base(): string
  interval: number
  token(): Promise<string | null>
  rooms(): string[]
  position(room: string): Position | undefined
  message(raw: Record<string, unknown>): void
  at(room: string, position: Position, recovered: boolean): void
}

export class Poller {
  private timer: ReturnType<typeof setTimeout> | undefined
  private abort: AbortController | null = null

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
    const token = await this.host.token().catch(() => null)
    for (const room of this.host.rooms()) {
      if (signal.aborted) return
      // A room that can't be had now is asked for at the next turn.
      await this.ask(room, token, signal).catch(() => {})
    }
    if (!signal.aborted) this.timer = setTimeout(() => void this.turn(signal), this.host.interval)
  }

  private async ask(room: string, token: string | null, signal: AbortSignal): Promise<void> {
    const known = this.host.position(room)
    const query = new URLSearchParams({ room })
    if (known) {
      query.set('since', String(known.offset))
      query.set('epoch', known.epoch)
    }
    const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {}
    const answer = await this.host.fetch?.(`${this.host.base()}/history?${query.toString()}`, { headers, signal })
    if (!answer?.ok || signal.aborted) return
    const body = (await answer.json()) as {
      messages: Record<string, unknown>[]
      epoch: string
      offset: number
      recovered?: boolean
    }
    if (signal.aborted) return
    if (known && body.recovered === false) {
      this.host.at(room, { epoch: body.epoch, offset: body.offset }, false)
      return
    }
    if (!known) this.host.at(room, { epoch: body.epoch, offset: body.offset }, true)
    else for (const message of body.messages) this.host.message(message)
  }
}
