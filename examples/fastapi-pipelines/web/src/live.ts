// A state that is loaded once and kept up to date by messages, without a gap between the two and without anything counted twice.
//
// The server reads the positions of its rooms, then the state. What comes with a later position is not in the state; while the state is on
// its way, messages wait, and those that it has already are dropped.

import type { Client, Message } from 'ws_manager/client'

export interface Position {
  epoch: string
  offset: number
}

export interface Loaded {
  positions: Record<string, Position>
}

export class LiveState<State extends Loaded> {
  state: State
  /** Why the last attempt to load it anew failed; it is tried again. */
  error: Error | null = null
  private held: Message[] | null = null
  private again = false
  private readonly changes = new Set<() => void>()

  constructor(
    private readonly client: Client,
    first: State,
    private readonly load: () => Promise<State>,
    private readonly reduce: (state: State, message: Message) => State,
  ) {
    this.state = first
  }

  /** Begins to listen; returns the end of it. */
  start(): () => void {
    const ends = [
      this.client.on('*', (message) => {
        if (this.held) this.held.push(message)
        else this.take(message)
      }),
      this.client.onGap(({ room }) => {
        if (room === '' || room in this.state.positions) void this.reload()
      }),
    ]
    return () => ends.forEach((end) => end())
  }

  subscribe = (changed: () => void): (() => void) => {
    this.changes.add(changed)
    return () => void this.changes.delete(changed)
  }

  /** Loads the state anew: after a gap, or when something has changed that no message tells. */
  reload = async (): Promise<void> => {
    if (this.held) {
      this.again = true // a gap while the state is on its way: it may be from before that
      return
    }
    this.held = []
    for (let attempt = 0; ; attempt++) {
      this.again = false
      try {
        const state = await this.load()
        if (this.again) continue
        this.state = state
        this.error = null
        break
      } catch (error) {
        this.error = error as Error
        this.tell()
        await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 500 * 2 ** attempt)))
      }
    }
    const held = this.held
    this.held = null
    for (const message of held) if (!this.has(message)) this.take(message)
    this.tell()
  }

  /** Whether the state that was loaded knows of it already. */
  private has({ room, offset, epoch }: Message): boolean {
    const position = room === undefined ? undefined : this.state.positions[room]
    if (!position || offset === undefined) return false
    return (epoch === undefined || epoch === position.epoch) && offset <= position.offset
  }

  private take(message: Message): void {
    const next = this.reduce(this.state, message)
    if (next === this.state) return
    this.state = next
    this.tell()
  }

  private tell(): void {
    for (const change of [...this.changes]) change()
  }
}
