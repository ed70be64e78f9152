// The tab that has the real socket, for all tabs that share it: who hears what, and where each of them may begin.

import { membersOf, textOf } from './messages.js'
import { decodeResume, isOwn, placeOf, positionOf } from './positions.js'
import type { WebSocketConstructor, WebSocketLike } from './types.js'

export type Note =
  /** A socket's, to the leader: `id` is its own. */
  | { is: 'open'; id: string; url: string; protocols?: string | string[] }
  | { is: 'say'; id: string; text: string }
  | { is: 'leave'; id: string }
  /** The leader's (`by`), to these sockets or to all. */
  | { is: 'wait'; by: string; to: string[] }
  | { is: 'hear'; by: string; to?: string[]; text: string }
  | { is: 'end'; by: string; code: number; reason: string }
  /** There is another leader. */
  | { is: 'lead' }

interface Room {
  epoch: string
  offset: number
  /** From here on nothing is missing in `recent`. */
  from: number
}

export const OPEN = 1
/** Messages kept for tabs that come a little later, or ran a little late. */
const RECENT = 256

export class Leader {
  private socket: WebSocketLike | null = null
  private greeting: Record<string, any> | null = null
  /** Where the rooms that everybody is in stand by now: what a tab that comes later is greeted with. */
  private readonly rooms = new Map<string, Room>()
  private readonly recent: { room: string; epoch: string; offset: number; text: string }[] = []
  private readonly waiting = new Map<string, string>() // socket → its URL
  private readonly greeted = new Set<string>()
  /** Who is subscribed to what: the server is told of the first and of the last. */
  private readonly subscribers = new Map<string, Set<string>>()
  /** Those of them that wait for the answer: what comes before it is not yet for them. */
  private readonly joining = new Set<string>()

  constructor(
    private readonly by: string,
    private readonly Real: WebSocketConstructor,
    private readonly post: (note: Note) => void,
  ) {}

  take(note: Note & { id: string }): void {
    if (note.is === 'open') this.open(note)
    else if (note.is === 'say') this.say(note)
    else this.leave(note.id)
  }

  close(): void {
    const socket = this.socket
    this.forget()
    socket?.close(1000)
  }

  private open({ id, url, protocols }: Note & { is: 'open' }): void {
    if (this.greeted.has(id) || this.waiting.has(id)) return
    this.post({ is: 'wait', by: this.by, to: [id] })
    if (this.greeting) {
      this.greet(id, url)
      return
    }
    this.waiting.set(id, url)
    if (this.socket) return
    let socket: WebSocketLike
    try {
      socket = protocols ? new this.Real(url, protocols) : new this.Real(url)
    } catch (error) {
      this.ended(4400, String(error))
      return
    }
    this.socket = socket
    socket.onopen = () => this.tell([id], '')
    socket.onmessage = (event) => {
      if (this.socket === socket && typeof event.data === 'string') this.hear(event.data)
    }
    socket.onclose = (event) => {
      if (this.socket === socket) this.ended(event.code, event.reason)
    }
  }

  private hear(text: string): void {
    let message: Record<string, any> = {}
    try {
      message = membersOf(JSON.parse(text))
    } catch {
      // Text of the host's own.
    }
    const data = membersOf(message.data)
    if (!this.greeting) {
      this.greeting = message
      // Those who waited: the first is the one whose URL it was; its greeting is the server's own.
      const [[first, url], ...others] = [...this.waiting]
      const asked = decodeResume(url)
      for (const [name, its] of Object.entries(membersOf(data.rooms))) {
        const position = positionOf(its)
        if (position) this.stand(name, position.epoch, (its.recovered && asked[name]?.[1]) || position.offset)
      }
      this.waiting.clear()
      this.greeted.add(first)
      this.tell([first], text)
      for (const [id, its] of others) this.greet(id, its)
      return
    }
    const servers = isOwn(message)
    // An answer goes to the one that asked: its id was made unique on the way out.
    const [, id, own] = servers && typeof message.id === 'string' ? (/^(.+?\.\d+)~(.*)$/s.exec(message.id) ?? []) : []
    if (id) {
      if (message.type === 'subscribed') this.joining.delete(id + data.room)
      this.tell([id], JSON.stringify({ ...message, id: own ? (JSON.parse(own) as unknown) : undefined }))
      return
    }
    const { room, epoch, offset } = placeOf(message)
    const about = textOf(servers ? data.room : room) ?? ''
    const members = this.subscribers.get(about)
    if (!members) {
      const position = servers && (message.type === 'gap' || message.type === 'subscribed') ? positionOf(data) : null
      if (servers && message.type === 'unsubscribed') this.rooms.delete(about)
      else if (position) this.stand(about, position.epoch, position.offset)
      else if (textOf(room) && typeof offset === 'number') this.keep(about, textOf(epoch) ?? undefined, offset, text)
    }
    this.tell(members && [...members].filter((each) => !this.joining.has(each + about)), text)
  }

  private tell(to: string[] | undefined, text: string): void {
    this.post({ is: 'hear', by: this.by, to, text })
  }

  private stand(room: string, epoch: string, offset: number): void {
    this.rooms.set(room, { epoch, offset, from: offset })
  }

  private keep(room: string, epoch: string | undefined, offset: number, text: string): void {
    let known = this.rooms.get(room)
    if (!known || (epoch && epoch !== known.epoch)) {
      this.stand(room, epoch ?? '', offset - 1)
      known = this.rooms.get(room) as Room
    }
    if (offset <= known.offset) return // replayed for one that asked
    known.offset = offset
    this.recent.push({ room, epoch: known.epoch, offset, text })
    if (this.recent.length <= RECENT) return
    const old = this.recent.shift()!
    const its = this.rooms.get(old.room)
    if (its?.epoch === old.epoch) its.from = Math.max(its.from, old.offset)
  }

  private say({ id, text }: Note & { is: 'say' }): void {
    if (this.socket?.readyState !== OPEN) return
    let command: Record<string, any>
    try {
      command = JSON.parse(text) as Record<string, any>
    } catch {
      this.socket.send(text)
      return
    }
    const { action } = command
    const room = command.room as string
    if (action === 'subscribe' && room) {
      this.subscribers.set(room, (this.subscribers.get(room) ?? new Set<string>()).add(id))
      this.joining.add(id + room)
    } else if (action === 'unsubscribe' && !this.drop(room, id)) return // others still need it
    if (action === 'subscribe' || command.id !== undefined) command.id = `${id}~${JSON.stringify(command.id) ?? ''}`
    this.socket.send(JSON.stringify(command))
  }

  /** As the server would greet it now; and what it lacks, as far as that is at hand. */
  private greet(id: string, url: string): void {
    const asked = decodeResume(url)
    const rooms: Record<string, object> = {}
    for (const [room, { epoch, offset, from }] of this.rooms) {
      const [its, at] = asked[room] ?? []
      rooms[room] = { epoch, offset, recovered: its === epoch && at! >= from }
    }
    const greeting = this.greeting as Record<string, any>
    this.greeted.add(id)
    this.tell(
      [id],
      JSON.stringify({ ...greeting, message_id: undefined, data: { ...membersOf(greeting.data), rooms } }),
    )
    for (const { room, epoch, offset, text } of this.recent) {
      if ((rooms[room] as { recovered?: boolean })?.recovered && asked[room][0] === epoch && offset > asked[room][1])
        this.tell([id], text)
    }
  }

  private leave(id: string): void {
    this.waiting.delete(id)
    this.greeted.delete(id)
    for (const room of [...this.subscribers.keys()])
      if (this.drop(room, id) && this.socket?.readyState === OPEN)
        this.socket.send(JSON.stringify({ action: 'unsubscribe', room }))
    if (!this.greeted.size && !this.waiting.size) this.close()
  }

  /** Whether it was the room's last. */
  private drop(room: string, id: string): boolean {
    const known = this.subscribers.get(room)
    if (!known?.delete(id) || known.size) return false
    this.subscribers.delete(room)
    return true
  }

  private ended(code: number, reason: string): void {
    this.forget()
    this.post({ is: 'end', by: this.by, code, reason })
  }

  private forget(): void {
    this.socket = null
    this.greeting = null
    this.recent.length = 0
    for (const each of [this.rooms, this.waiting, this.greeted, this.subscribers, this.joining]) each.clear()
  }
}
