// One socket for all tabs of a browser. Each tab's client has a socket as always; behind it, the tab that holds a lock has the only
// real one and passes everything on by a BroadcastChannel. When that tab goes, another gets the lock and connects anew, from where
// each client was; so the others notice a reconnection, and nothing else.

import { Leader, OPEN, type Note } from './leader.js'
import type { WebSocketConstructor, WebSocketLike } from './types.js'

const CLOSED = 3
/** Milliseconds for the leading tab to answer at all; then it is frozen, or hangs, and another takes its place. */
const PATIENCE = 3000

export interface Sharing {
  /** What a client takes for its WebSocket. */
  Socket: WebSocketConstructor
  /** This tab takes no part any more. */
  end(): void
}

/** Tabs share a socket by `name`; tokens and sessions must be the same. */
export function share(name: string, Real: WebSocketConstructor): Sharing {
  const tab = crypto.randomUUID()
  let sockets = 0
  const channel = new BroadcastChannel(`ws_manager:${name}`)
  const own = new Map<string, SharedSocket>()
  let leader: Leader | null = null
  let ended = false
  let release = (): void => {}

  const post = (note: Note): void => {
    if (!ended) channel.postMessage(note)
    queueMicrotask(() => take(note)) // a channel does not speak to itself; and nobody hears anything while it is being made
  }
  const take = (note: Note): void => {
    if ('id' in note) leader?.take(note)
    else for (const [id, socket] of [...own]) if (!('to' in note) || !note.to || note.to.includes(id)) socket.take(note)
  }
  channel.onmessage = (event: MessageEvent<Note>) => take(event.data)

  // Whoever gets the lock leads until its page goes, or the lock is taken from it.
  const lead = (steal: boolean): void => {
    void navigator.locks
      .request(`ws_manager:${name}`, { steal }, () => {
        if (ended) return
        leader = new Leader(tab, Real, post)
        post({ is: 'lead' })
        return new Promise<void>((resolve) => (release = resolve))
      })
      .catch((error: Error) => {
        stop()
        if (error.name === 'AbortError') lead(false)
      })
  }
  const stop = (): void => {
    leader?.close()
    leader = null
  }
  // A page that comes back from the browser's cache has been forgotten meanwhile.
  const leave = (): void => {
    for (const socket of [...own.values()]) {
      post({ is: 'leave', id: socket.id })
      socket.ended(1001, 'the page was left; reconnect in 0 s')
    }
  }
  addEventListener('pagehide', leave)

  class SharedSocket implements WebSocketLike {
    readyState = 0
    onopen: WebSocketLike['onopen'] = null
    onmessage: WebSocketLike['onmessage'] = null
    onclose: WebSocketLike['onclose'] = null
    onerror: WebSocketLike['onerror'] = null
    readonly id = `${tab}.${++sockets}`
    /** The leader that it belongs to: what one that was replaced still says is for nobody. */
    private by: string | undefined
    private readonly patience = setTimeout(() => this.by || lead(true), PATIENCE)

    constructor(
      private readonly url: string,
      private readonly protocols?: string | string[],
    ) {
      own.set(this.id, this)
      this.ask()
    }

    send(text: string): void {
      if (this.readyState !== OPEN) throw new DOMException('The socket is not open', 'InvalidStateError')
      post({ is: 'say', id: this.id, text })
    }

    close(): void {
      if (this.readyState === CLOSED) return
      this.over()
      post({ is: 'leave', id: this.id })
    }

    take(note: Note): void {
      if (note.is === 'lead') {
        // Nobody had heard what it asked, or its leader has gone.
        if (this.readyState === 0) this.ask()
        else this.ended(1001, 'another tab has taken over; reconnect in 0 s')
      } else if (note.is === 'wait') {
        this.by = note.by
      } else if ('by' in note && note.by === this.by) {
        if (note.is === 'end') this.ended(note.code, note.reason)
        else if (note.to || this.readyState === OPEN) this.hear(note.text)
      }
    }

    ended(code: number, reason: string): void {
      this.over()
      this.onclose?.({ code, reason })
    }

    private ask(): void {
      post({ is: 'open', id: this.id, url: this.url, protocols: this.protocols })
    }

    /** The first that is for this socket is its greeting; before it, nothing that others hear is. '': the real one is open. */
    private hear(text: string): void {
      if (this.readyState === 0) {
        this.readyState = OPEN
        this.onopen?.({})
      }
      if (text) this.onmessage?.({ data: text })
    }

    private over(): void {
      clearTimeout(this.patience)
      this.readyState = CLOSED
      own.delete(this.id)
    }
  }

  lead(false)
  return {
    Socket: SharedSocket,
    end: () => {
      leave()
      stop()
      ended = true
      release()
      channel.close()
      removeEventListener('pagehide', leave)
    },
  }
}
