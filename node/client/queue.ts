// What is said while there is no connection.

import { WsClientError, type QueuePolicy } from './types.js'

export class Queue {
  /** How many were dropped because it was full. */
  dropped = 0
  private readonly waiting: { text: string; id?: number }[] = []

  /** refuse: tells a request that it was dropped. */
  constructor(
    private readonly size: number,
    private readonly policy: QueuePolicy,
    private readonly refuse: (id: number, error: Error) => void,
  ) {}

  /** id: of the request that it is. queue_full where the policy is to throw. */
  push(text: string, id?: number): void {
    if (this.waiting.length >= this.size) {
      const full = new WsClientError('queue_full', `${this.size} messages are waiting for a connection already`)
      this.dropped++
      if (this.policy === 'throw') throw full
      const out = this.policy === 'drop_newest' ? { id } : this.waiting.shift()
      if (out?.id !== undefined) this.refuse(out.id, full)
      if (this.policy === 'drop_newest') return
    }
    this.waiting.push({ text, id })
  }

  /** A request that nobody waits for any more: what was said to have failed must not happen later. */
  forget(id: number): void {
    const i = this.waiting.findIndex((each) => each.id === id)
    if (i >= 0) this.waiting.splice(i, 1)
  }

  /** All of it, in order; then it is empty. */
  take(): string[] {
    return this.waiting.splice(0).map(({ text }) => text)
  }
}
