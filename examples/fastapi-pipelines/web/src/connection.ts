// What the page tells about its connection, and a way to lose it on purpose.

import { useEffect, useState } from 'react'
import type { Client, Message } from 'ws_manager/client'

let last: WebSocket | null = null

/** A WebSocket that can be lost as a bad network would lose it. */
export class LossySocket extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols)
    last = this
  }

  static lose(): void {
    last?.close(4000, 'lost on purpose')
  }
}

export interface Traffic {
  received: number
  /** In the last whole second. */
  rate: number
  connections: number
  /** Messages that came after a connection was lost, for what was missed. */
  recovered: number
  /** Of the last reconnection; null if something was missed for good then. */
  resumed: number | null
  positions: ReadonlyMap<string, number>
}

let skew = 0

/** Unix seconds by the server's clock, which the times of its events are of. */
export const serverNow = (): number => (Date.now() - skew) / 1000

/** Counts what comes in; tells at most once a second, and at each new connection. */
export class TrafficMeter {
  current: Traffic = { received: 0, rate: 0, connections: 0, recovered: 0, resumed: 0, positions: new Map() }
  private received = 0
  private readonly positions = new Map<string, number>()
  private readonly changes = new Set<() => void>()
  private connections = 0
  private recovered = 0
  private resumed: number | null = 0
  private before = 0

  subscribe = (changed: () => void): (() => void) => {
    this.changes.add(changed)
    return () => void this.changes.delete(changed)
  }

  start(client: Client): () => void {
    const ends = [
      client.on('*', (message) => this.take(message)),
      client.onGap(() => {
        this.resumed = null
        this.tell()
      }),
    ]
    const timer = setInterval(() => {
      this.tell()
      this.before = this.received
    }, 1000)
    return () => {
      ends.forEach((end) => end())
      clearInterval(timer)
    }
  }

  private take({ type, data, room, offset, timestamp }: Message): void {
    this.received++
    if (type === 'connected') {
      skew = Date.now() - (Date.parse(timestamp ?? '') || Date.now())
      this.connections++
      const rooms = (data as { rooms?: Record<string, { offset: number; recovered: boolean }> }).rooms ?? {}
      if (this.connections > 1) this.resumed = 0
      for (const [name, head] of Object.entries(rooms)) {
        const known = this.positions.get(name)
        if (known === undefined) this.positions.set(name, head.offset)
        else if (!head.recovered) this.resumed = null
        else this.add(head.offset - known)
        if (!head.recovered) this.positions.set(name, head.offset)
      }
      this.tell()
    } else if (type === 'subscribed') {
      const { replayed = 0 } = data as { replayed?: number }
      if (this.connections > 1) this.add(replayed)
    } else if (room !== undefined && offset !== undefined) this.positions.set(room, offset)
  }

  private add(count: number): void {
    this.recovered += count
    if (this.resumed !== null) this.resumed += count
  }

  private tell(): void {
    const { received, connections, recovered, resumed } = this
    const positions = new Map(this.positions)
    this.current = { received, rate: received - this.before, connections, recovered, resumed, positions }
    for (const change of [...this.changes]) change()
  }
}

/** Now in Unix milliseconds, renewed every so often. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}
