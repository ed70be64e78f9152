// Where a message came from, and whether that may put something in front of a person. In public rooms clients may be allowed to publish:
// what comes from there is shown where the page says so, and nowhere else.

import type { Message } from '../client/index.js'
import { placeOf } from '../client/positions.js'
import { textOf, warnOnce } from './fields.js'

/** Only the application sends to these, and only this user, session or connection hears them. */
const OWN = /^@(?:user|session|client):/
/** Those, and what the application tells everybody. */
const HOST = /^@/

/** `own`: what is sent to this user, session or connection; `host`: what the application tells everybody, too. */
export type Default = 'own' | 'host'

/** Whether the room is one of these names; a name may end with a star. */
const isOneOf = (room: string, names: readonly string[]): boolean =>
  names.some((name) => (name.endsWith('*') ? room.startsWith(name.slice(0, -1)) : room === name))

/** Whether a message is to be shown; the console says once what was not, and how it would be. */
export function isWelcome(
  message: Message,
  beside: Default,
  rooms: readonly string[] | undefined,
  component: string,
): boolean {
  const { type } = message
  const { room } = placeOf(message)
  // The server names the room of all that anybody has sent: without one it speaks itself, to this connection.
  if (room === undefined) return true
  if (typeof room === 'string' && ((beside === 'own' ? OWN : HOST).test(room) || isOneOf(room, rooms ?? [])))
    return true
  const name = JSON.stringify(textOf(room, 128) ?? 'unknown')
  warnOnce(
    `${component} ${type}`,
    `${component} does not show ${JSON.stringify(textOf(type, 128))} of the room ${name}, as others may be able to publish there. ` +
      `If it is to be shown: rooms={[${name}]} (this is said once)`,
  )
  return false
}
