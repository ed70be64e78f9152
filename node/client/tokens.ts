// A new token before the one in force ends: the connection goes on with it.

import { LONGEST_TIMER } from './messages.js'

/** Milliseconds after which a token is asked for again, where there was none. */
const AGAIN = 10_000

export class Renewal {
  private timer: ReturnType<typeof setTimeout> | undefined
  /** Grows with each end: what is asked for then is for nobody. */
  private round = 0

  constructor(
    private readonly get: (() => string | null | undefined | Promise<string | null | undefined>) | undefined,
    private readonly show: (token: string) => void,
  ) {}

  /** A minute before, or half the time before if that is less. */
  before(expiresAt: unknown): void {
    clearTimeout(this.timer)
    const left = typeof expiresAt === 'string' ? Date.parse(expiresAt) - Date.now() : NaN
    if (left > 0 && this.get) this.in(Math.min(LONGEST_TIMER, Math.max(left - 60_000, left / 2)))
  }

  async now(): Promise<void> {
    const { round } = this
    try {
      const token = await this.get?.()
      if (token && round === this.round) this.show(token)
    } catch {
      if (round === this.round) this.in(AGAIN)
    }
  }

  stop(): void {
    this.round++
    clearTimeout(this.timer)
  }

  private in(ms: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.now(), ms)
  }
}
