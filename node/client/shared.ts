// One socket for all tabs of a browser. Each tab's client has a socket as always; behind it, the tab that holds a lock has the only
// real one and passes everything on by a BroadcastChannel. When that tab goes, another gets the lock and connects anew, from where
// each client was; so the others notice a reconnection, and nothing else.

import type { WebSocketConstructor, WebSocketLike } from './types.js'

type Note =
  /** A follower's socket: `id` is its own. */
  | { is: 'open'; id: string; url: string; protocols?: string[] }
  | { is: 'say'; id: string; text: string }
  | { is: 'leave'; id: string }
  /** The leader's, to one (`id`) or to all. */
  | { is: 'hear'; id?: string; text: string }
  | { is: 'end'; id?: string; code: number; reason: string }

interface Room {
  epoch: string
  offset: number
}

const OPEN = 1
const CLOSED = 3

export const canShare = (): boolean =>
  typeof BroadcastChannel === 'function' &&
  typeof navigator !== 'undefined' &&
  !!(navigator as { locks?: unknown }).locks

/** A constructor to give to createClient() as `WebSocket`. Tabs share a socket by `name`; tokens and sessions must be the same. */
export function sharedWebSocket(name: string, Real: WebSocketConstructor): WebSocketConstructor {
  const tab = crypto.randomUUID()
  let sockets = 0
  const channel = new BroadcastChannel(`ws_manager:${name}`)
  const own = new Map<string, SharedSocket>()
  let leader: Leader | null = null

  const post = (note: Note): void => {
    channel.postMessage(note)
    take(note) // a channel does not speak to itself
  }
  const take = (note: Note): void => {
    if (note.is === 'hear' || note.is === 'end') {
      const to = note.id === undefined ? [...own.values()] : [own.get(note.id)]
      for (const socket of to) socket?.take(note)
    } else {
      leader?.take(note)
    }
  }
  channel.onmessage = (event: MessageEvent<Note>) => take(event.data)

  // Whoever gets the lock leads until its page goes.
  void navigator.locks.request(`ws_manager:${name}`, () => {
    leader = new Leader(Real, post)
    // Sockets that wait for a leader: of this tab and of others.
    post({ is: 'end', code: 1001, reason: 'another tab has taken over; reconnect in 0 s' })
    return new Promise<never>(() => {})
  })
  addEventListener('pagehide', () => {
    for (const id of own.keys()) post({ is: 'leave', id })
  })

  class SharedSocket implements WebSocketLike {
    readyState = 0
    onopen: WebSocketLike['onopen'] = null
    onmessage: WebSocketLike['onmessage'] = null
    onclose: WebSocketLike['onclose'] = null
    onerror: WebSocketLike['onerror'] = null
    private readonly id = `${tab}.${++sockets}`

    constructor(url: string, protocols?: string | string[]) {
      own.set(this.id, this)
      post({ is: 'open', id: this.id, url, protocols: typeof protocols === 'string' ? [protocols] : protocols })
    }

    send(data: string | ArrayBufferLike | ArrayBufferView): void {
      if (this.readyState !== OPEN) throw new DOMException('The socket is not open', 'InvalidStateError')
      post({ is: 'say', id: this.id, text: String(data) })
    }

    close(): void {
      if (this.readyState === CLOSED) return
      this.readyState = CLOSED
      own.delete(this.id)
      post({ is: 'leave', id: this.id })
    }

    take(note: Note & { is: 'hear' | 'end' }): void {
      if (note.is === 'hear') {
        // The first that comes to this socket is its greeting; what others hear meanwhile is not yet for it.
        if (this.readyState === 0) {
          if (note.id !== this.id) return
          this.readyState = OPEN
          this.onopen?.({})
        }
        this.onmessage?.({ data: note.text })
      } else {
        this.readyState = CLOSED
        own.delete(this.id)
        this.onclose?.({ code: note.code, reason: note.reason })
      }
    }
  }
  return SharedSocket
}

/** The tab that has the real socket. */
class Leader {
  private socket: WebSocketLike | null = null
  private greeting: Record<string, any> | null = null
  /** Where the rooms of the connection stand by now: what a tab that comes later is greeted with. */
  private readonly rooms = new Map<string, Room>()
  private readonly waiting = new Map<string, string>() // socket → its URL
  private readonly greeted = new Set<string>()
  /** Who is subscribed to what: the server is told of the first and of the last. */
  private readonly subscribers = new Map<string, Set<string>>()

  constructor(
    private readonly Real: WebSocketConstructor,
    private readonly post: (note: Note) => void,
  ) {}

  take(note: Note): void {
    if (note.is === 'open') this.open(note)
    else if (note.is === 'say') this.say(note)
    else if (note.is === 'leave') this.leave(note.id)
  }

  private open({ id, url, protocols }: Note & { is: 'open' }): void {
    if (this.greeting) {
      this.greet(id, url)
      return
    }
    this.waiting.set(id, url)
    if (this.socket) return
    const socket = protocols ? new this.Real(url, protocols) : new this.Real(url)
    this.socket = socket
    socket.onmessage = (event) => {
      if (this.socket === socket && typeof event.data === 'string') this.hear(event.data)
    }
    socket.onclose = (event) => {
      if (this.socket === socket) this.ended(event.code, event.reason)
    }
  }

  private hear(text: string): void {
    let message: Record<string, any> | null = null
    try {
      message = JSON.parse(text) as Record<string, any>
    } catch {
      // Text of the host's own.
    }
    if (!this.greeting) {
      this.greeting = message ?? {}
      for (const [room, at] of Object.entries<Room>(this.greeting.data?.rooms ?? {}))
        this.rooms.set(room, { epoch: at.epoch, offset: at.offset })
      // Those who waited: the first is the one whose URL it was, and it may have recovered; its greeting is the server's own.
      let first = true
      for (const [id, url] of this.waiting) {
        if (first) this.deliver(id, text)
        else this.greet(id, url)
        first = false
      }
      this.waiting.clear()
      return
    }
    if (message && typeof message.room === 'string' && typeof message.offset === 'number') {
      const known = this.rooms.get(message.room)
      this.rooms.set(message.room, { epoch: message.epoch ?? known?.epoch ?? '', offset: message.offset })
    }
    // An answer goes to the one that asked: its id was made unique on the way out.
    const [, id, own] = typeof message?.id === 'string' ? (/^(.+?\.\d+)~(.*)$/s.exec(message.id) ?? []) : []
    if (message && id) this.deliver(id, JSON.stringify({ ...message, id: JSON.parse(own) as unknown }))
    else this.post({ is: 'hear', text })
  }

  private say({ id, text }: Note & { is: 'say' }): void {
    if (this.socket?.readyState !== OPEN || !this.greeted.has(id)) return
    let command: Record<string, any>
    try {
      command = JSON.parse(text) as Record<string, any>
    } catch {
      this.socket.send(text)
      return
    }
    const room = command.room as string
    if (command.action === 'subscribe') {
      const known = this.subscribers.get(room) ?? new Set<string>()
      this.subscribers.set(room, known.add(id))
    } else if (command.action === 'unsubscribe') {
      const known = this.subscribers.get(room)
      known?.delete(id)
      if (known?.size) return // others still need it
      this.subscribers.delete(room)
    }
    if (command.id !== undefined) command.id = `${id}~${JSON.stringify(command.id)}`
    this.socket.send(JSON.stringify(command))
  }

  /** As the server would greet it now. What it had missed is not replayed to it alone: then it is told so. */
  private greet(id: string, url: string): void {
    const value = new URL(url).searchParams.get('resume')
    let asked: Record<string, [string, number]> = {}
    try {
      if (value)
        asked = JSON.parse(
          new TextDecoder().decode(
            Uint8Array.from(atob(value.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0)),
          ),
        ) as typeof asked
    } catch {
      // Then it resumes nothing.
    }
    const greeting = this.greeting as Record<string, any>
    // Those that came with the connection. What other tabs have subscribed to, this one subscribes to as well if it needs it: else it would
    // lose the room with them.
    const rooms = Object.fromEntries(
      Object.keys(greeting.data?.rooms ?? {}).map((room) => {
        const at = this.rooms.get(room) as Room
        return [room, { ...at, recovered: asked[room]?.[0] === at.epoch && asked[room][1] === at.offset }]
      }),
    )
    this.deliver(id, JSON.stringify({ ...greeting, message_id: undefined, data: { ...greeting.data, rooms } }))
  }

  private deliver(id: string, text: string): void {
    this.greeted.add(id)
    this.post({ is: 'hear', id, text })
  }

  private leave(id: string): void {
    this.waiting.delete(id)
    this.greeted.delete(id)
    for (const [room, known] of this.subscribers) {
      if (!known.delete(id) || known.size) continue
      this.subscribers.delete(room)
      if (this.socket?.readyState === OPEN) this.socket.send(JSON.stringify({ action: 'unsubscribe', room }))
    }
    if (!this.greeted.size && !this.waiting.size) this.close()
  }

  private ended(code: number, reason: string): void {
    this.forget()
    this.post({ is: 'end', code, reason })
  }

  private close(): void {
    const socket = this.socket
    this.forget()
    socket?.close(1000)
  }

  private forget(): void {
    this.socket = null
    this.greeting = null
    this.rooms.clear()
    this.waiting.clear()
    this.greeted.clear()
    this.subscribers.clear()
  }
}
