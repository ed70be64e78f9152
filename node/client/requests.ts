// Commands that wait for an answer.

import { LONGEST_TIMER, membersOf, textOf } from './messages.js'
import { WsClientError, type Message } from './types.js'

export interface RequestOptions {
  /** Milliseconds; the client's requestTimeout if not given. */
  timeout?: number
  signal?: AbortSignal
}

interface Waiting {
  sent: boolean
  resolve(data: unknown): void
  reject(error: Error): void
}

export class Requests {
  private last = 0
  private readonly waiting = new Map<number, Waiting>()

  constructor(private readonly timeout: number) {}

  open({ timeout = this.timeout, signal }: RequestOptions): { id: number; answer: Promise<unknown> } {
    const id = ++this.last
    const answer = new Promise<unknown>((resolve, reject) => {
      const abort = () => settle(() => reject(new WsClientError('aborted', 'the request was aborted')))
      const settle = (finish: () => void) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        if (this.waiting.delete(id)) finish()
      }
      const timer = setTimeout(
        () => settle(() => reject(new WsClientError('timeout', `no answer came within ${timeout} ms`))),
        Math.min(timeout, LONGEST_TIMER),
      )
      this.waiting.set(id, {
        sent: false,
        resolve: (data) => settle(() => resolve(data)),
        reject: (error) => settle(() => reject(error)),
      })
      signal?.addEventListener('abort', abort)
      if (signal?.aborted) abort()
    })
    return { id, answer }
  }

  /** Whether the message was the answer to one of ours. */
  answer(message: Message): boolean {
    const waiting = typeof message.id === 'number' ? this.waiting.get(message.id) : undefined
    if (!waiting) return false
    if (message.type === 'error') {
      const { code, message: text } = membersOf(message.data)
      waiting.reject(new WsClientError(textOf(code) ?? 'internal', textOf(text) ?? 'the server said no'))
    } else {
      waiting.resolve(message.data)
    }
    return true
  }

  /** All that was queued has been written: an end of the connection loses their answers. */
  sent(): void {
    for (const waiting of this.waiting.values()) waiting.sent = true
  }

  refuse(id: number, error: Error): void {
    this.waiting.get(id)?.reject(error)
  }

  refuseSent(error: Error): void {
    for (const waiting of [...this.waiting.values()]) if (waiting.sent) waiting.reject(error)
  }

  refuseAll(error: Error): void {
    for (const waiting of [...this.waiting.values()]) waiting.reject(error)
  }
}
