// What comes from the server, and who gets it.

import type { DataOf, Handler, Message } from './types.js'

/** One shape for all kinds of message: {type, data}, {type, payload}, and the flat {event_type, …} or {type, …}. */
export function normal(raw: Record<string, unknown>): Message {
  const type = typeof raw.type === 'string' ? raw.type : raw.event_type
  if (typeof type !== 'string') return { ...raw, type: 'message', data: raw.data ?? raw }
  if (type === raw.type && 'data' in raw) return raw as Message
  if (type === raw.type && 'payload' in raw) return { ...raw, type, data: raw.payload }
  const { event_type: _, timestamp: _t, message_id: _m, '@position': place, ...members } = raw
  if (!place) for (const name of ['room', 'offset', 'epoch']) delete members[name]
  if (type === raw.type) delete members.type
  return { ...raw, type, data: members as DataOf<string> }
}

/** What comes from outside as an object; without members where it is none. */
export const membersOf = (value: unknown): Record<string, any> =>
  typeof value === 'object' && value !== null ? (value as Record<string, any>) : {}

/** A text, or nothing. */
export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

export const numberOf = (value: unknown): number | null => (Number.isFinite(value) ? (value as number) : null)

/** setTimeout takes more for 0, and fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** Returns the end of it. The same function may be given twice. */
export function addTo(map: Map<string, Set<Handler>>, name: string, handler: Handler): () => void {
  const set = map.get(name) ?? new Set<Handler>()
  const own: Handler = (message) => handler(message)
  set.add(own)
  map.set(name, set)
  return () => {
    set.delete(own)
    if (!set.size) map.delete(name)
  }
}

/** What is called that throws is reported as an uncaught error, and costs nobody else anything. */
export function safely<T>(handler: (value: T) => void, value: T): void {
  try {
    handler(value)
  } catch (error) {
    const report = (globalThis as { reportError?: (error: unknown) => void }).reportError
    if (report) report(error)
    else
      setTimeout(() => {
        throw error
      })
  }
}
