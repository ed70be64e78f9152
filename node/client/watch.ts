// Notices that nothing is heard any more. By time stamps, not by counting ticks: timers stand still while a computer sleeps, and run
// late in background tabs. A check that comes much later than it was due says that we slept, not that the server was silent.

import { LONGEST_TIMER } from './messages.js'

export class Watch {
  private heardAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private probing: ReturnType<typeof setTimeout> | undefined

  /** ask: says something that the server answers. silent: nothing was heard for so many milliseconds. */
  constructor(
    private readonly ask: () => void,
    private readonly silent: (limit: number) => void,
  ) {}

  start(limit: number): void {
    this.stop()
    this.heardAt = Date.now()
    const step = Math.min(LONGEST_TIMER, Math.max(50, limit / 4))
    const check = (due: number) => {
      const now = Date.now()
      this.heardAt = Math.min(this.heardAt, now) // the clock may have been put back
      if (now - due > Math.max(1000, step)) this.probe((this.heardAt = now) && Math.min(limit, 10_000))
      else if (now - this.heardAt > limit) return this.silent(limit)
      this.timer = setTimeout(check, step, now + step)
    }
    this.timer = setTimeout(check, step, this.heardAt + step)
  }

  heard(): void {
    this.heardAt = Date.now()
    clearTimeout(this.probing)
    this.probing = undefined
  }

  /** Asks, and expects to hear something soon: a connection that died meanwhile does not answer. */
  probe(limit: number): void {
    if (this.probing !== undefined) return
    this.probing = setTimeout(() => this.silent(limit), limit)
    this.ask()
  }

  stop(): void {
    clearTimeout(this.timer)
    clearTimeout(this.probing)
    this.probing = undefined
  }
}
