// A server that a test plays: every socket that a client opens lands here.
import type { WebSocketLike } from '../../node/client/types.js'

export class FakeSocket implements WebSocketLike {
  static all: FakeSocket[] = []
  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1]
  }

  readyState = 0
  onopen: ((event: unknown) => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: ((event: unknown) => void) | null = null
  readonly sent: Record<string, unknown>[] = []
  closedWith: number | undefined

  constructor(
    readonly url: string,
    readonly protocols?: string | string[],
  ) {
    FakeSocket.all.push(this)
  }

  send(data: string): void {
    if (this.readyState !== 1) throw new Error('InvalidStateError: not open')
    this.sent.push(JSON.parse(data) as Record<string, unknown>)
  }

  close(code = 1000): void {
    this.closedWith = code
    this.readyState = 3
  }

  // ---- what the server does ----

  accept(): this {
    this.readyState = 1
    this.onopen?.({})
    return this
  }

  greet(data: Record<string, unknown> = {}): this {
    if (this.readyState === 0) this.accept()
    return this.say({
      type: 'connected',
      data: { client_id: 'c1', user_id: null, heartbeat_interval: 30, rooms: {}, ...data },
    })
  }

  say(message: unknown): this {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) })
    return this
  }

  end(code = 1006, reason = ''): void {
    this.readyState = 3
    this.onclose?.({ code, reason })
  }

  get resume(): Record<string, [string, number]> | null {
    const value = new URL(this.url).searchParams.get('resume')
    return value
      ? (JSON.parse(atob(value.replace(/-/g, '+').replace(/_/g, '/'))) as Record<string, [string, number]>)
      : null
  }
}
