// What comes from the server, and who gets it.

import type { DataOf, Handler, Message } from './types.js'

/** One shape for both kinds of message: {type, data} and the flat {event_type, …}. */
export function normal(raw: Record<string, unknown>): Message {
  if (typeof raw.type === 'string') return raw as Message
  if (typeof raw.event_type !== 'string') return { ...raw, type: 'message', data: raw.data ?? raw }
  const { event_type: type, timestamp: _t, message_id: _m, room: _r, offset: _o, epoch: _e, ...members } = raw
  return { ...raw, type, data: members as DataOf<string> }
}

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

/** A handler that throws is reported as an uncaught error, and costs no other its message. */
export function safely(handler: Handler, message: Message): void {
  try {
    handler(message)
  } catch (error) {
    const report = (globalThis as { reportError?: (error: unknown) => void }).reportError
    if (report) report(error)
    else
      setTimeout(() => {
        throw error
      })
  }
}
