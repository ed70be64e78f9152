// Where the client stands in each room: what it asks for after a reconnection, and how it knows what it has seen.

import { membersOf } from './messages.js'
import type { Message, Place } from './types.js'

export interface Position {
  epoch: string
  offset: number
}

/** Where somebody says that a room stands; null if that is no position. */
export function positionOf(value: unknown): Position | null {
  const { epoch, offset } = membersOf(value)
  return typeof epoch === 'string' && Number.isSafeInteger(offset) ? { epoch, offset: offset as number } : null
}

/** Where a message stands: by the server's word, not by an object's own `room`, `epoch` or `offset`. */
export function placeOf(message: Record<string, unknown>): Partial<Place> {
  return (message['@position'] ?? message) as Partial<Place>
}

/** Whether it is the server's own word: a greeting, an answer, a gap. Whatever was published stands in a room. */
export function isOwn(message: Record<string, unknown>): boolean {
  return placeOf(message).room === undefined
}

/** Ids of messages of the server's own: enough to recognise one that came twice. */
const REMEMBERED = 512

export class Positions {
  private readonly rooms = new Map<string, Position>()
  private readonly ids = new Set<string>()

  constructor(initial: Record<string, Position> = {}) {
    for (const [room, { epoch, offset }] of Object.entries(initial)) this.rooms.set(room, { epoch, offset })
  }

  get(room: string): Position | undefined {
    return this.rooms.get(room)
  }

  set(room: string, position: Position): void {
    this.rooms.set(room, position)
  }

  forget(room: string): void {
    this.rooms.delete(room)
  }

  names(): string[] {
    return [...this.rooms.keys()]
  }

  /** The value of `?resume=`: base64url of {"<room>":["<epoch>",<offset>],…}; '' when there is nothing to resume. */
  resume(): string {
    if (!this.rooms.size) return ''
    const list = Object.fromEntries([...this.rooms].map(([room, { epoch, offset }]) => [room, [epoch, offset]]))
    const bytes = new TextEncoder().encode(JSON.stringify(list))
    return btoa(String.fromCharCode(...bytes))
      .replace(/\+/g, '-')
      .replace(/\//g, '_')
      .replace(/=+$/, '')
  }

  /** Whether the message is to be handed on: it has not been before. */
  see(message: Message): boolean {
    const { room, offset, epoch } = placeOf(message)
    // What was published may have an id by its author, who can give others the same.
    if (typeof room !== 'string' || typeof offset !== 'number') return !isOwn(message) || this.seeId(message.message_id)
    const known = this.rooms.get(room)
    if (!known || (epoch !== undefined && epoch !== known.epoch)) {
      if (epoch !== undefined || known) this.rooms.set(room, { epoch: epoch ?? known!.epoch, offset })
      return true
    }
    if (offset <= known.offset) return false
    known.offset = offset
    return true
  }

  private seeId(id: unknown): boolean {
    if (typeof id !== 'string') return true
    if (this.ids.has(id)) return false
    this.ids.add(id)
    if (this.ids.size > REMEMBERED) this.ids.delete(this.ids.values().next().value as string)
    return true
  }
}

/** What the `?resume=` of a URL says; {} where there is none, or none that can be read. */
export function decodeResume(url: string): Record<string, [epoch: string, offset: number]> {
  const value = new URL(url).searchParams.get('resume')
  try {
    const bytes = Uint8Array.from(atob(value!.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
    return JSON.parse(new TextDecoder().decode(bytes)) as ReturnType<typeof decodeResume>
  } catch {
    return {}
  }
}
