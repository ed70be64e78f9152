// One subscription's way through its room. Mostly it is where the client is. One that begins at an older position is behind: what it
// lacks is asked for, and what comes meanwhile is held until that is there.

import { placeOf, type Position } from './positions.js'
import type { Handler, Message } from './types.js'

export interface Subscription {
  readonly room: string
  /** Where it stands: the `since` of one that is to go on from here. */
  readonly position: Position | undefined
  /** Ends it; the server is told when no other subscription of this client needs the room. */
  unsubscribe(): void
}

export interface SubscribeOptions {
  /**
   * Go on from here: `position()` of the server, rendered into the page. What came since is handed on first, also where this client is in
   * the room already; if it can't be had, onGap() says so.
   */
  since?: Position
  /** Called once all that came since has been handed on, or can't be had: at once where there was nothing. */
  onReady?: () => void
  /** Of messages that have one: this level and above. */
  level?: string
}

export interface HistoryPage {
  messages: Message[]
  epoch: string | null
  /** Where these messages end. */
  offset: number
  /** Whether they follow on `since` without a hole. */
  recovered?: boolean
}

export class Follower {
  /** Up to where it has everything; null: up to where the client has. */
  private at: Position | null = null
  private held: Message[] | null = null

  /** `here`: where the client is in the room. `ready`: called once it is not behind any more. Neither may throw. */
  constructor(
    private readonly handler: Handler,
    private readonly ready: () => void,
    since: Position | undefined,
    here: Position | undefined,
  ) {
    if (!since || !here) return
    this.at = { ...since }
    if (since.epoch !== here.epoch || since.offset < here.offset) this.held = []
  }

  get behind(): boolean {
    return this.held !== null
  }

  position(here: Position | undefined): Position | undefined {
    return this.at && (this.behind || this.at.epoch === here?.epoch) ? { ...this.at } : here && { ...here }
  }

  hear(message: Message, here: Position | undefined): void {
    if (this.held) this.held.push(message)
    else this.pass(message, here?.epoch)
  }

  /** Gets what it lacks, page by page. False: it can't be had. */
  async catchUp(ask: (since: Position) => Promise<HistoryPage>, here: () => Position | undefined): Promise<boolean> {
    const { at } = this
    while (this.held && at) {
      const { messages, offset, recovered } = await ask({ ...at })
      if (!recovered) return false
      for (const message of messages) if (this.held) this.handler(message) // none after its end
      const moved = offset > at.offset
      at.offset = offset
      if (!moved || offset >= (here()?.offset ?? 0)) break
    }
    this.release(here())
    return true
  }

  /** From now on it hears what comes, as it comes. */
  release(here: Position | undefined): void {
    const held = this.held
    if (!held) return
    this.held = null
    for (const message of held) this.pass(message, here?.epoch)
    this.ready()
  }

  /** Hears nothing any more. */
  end(): void {
    this.held = null
    this.at = null
  }

  private pass(message: Message, epoch: string | undefined): void {
    const { offset } = placeOf(message)
    if (this.at && typeof offset === 'number') {
      if (this.at.epoch === epoch && offset <= this.at.offset) return
      this.at = null
    }
    this.handler(message)
  }
}
