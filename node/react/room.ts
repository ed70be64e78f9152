'use client'
// Rooms: their messages while a component is there, and state of the server that they change.

import { useEffect, useReducer, useRef } from 'react'
import type { Client, Handler, Message, Position, SubscribeOptions } from '../client/index.js'
import { handlerOf, useClient, useLatest, type Handlers } from './hooks.js'

type RoomOptions = Omit<SubscribeOptions, 'onReady'>

/** Where a subscription was when it ended. */
interface Left {
  client: Client
  room: string
  begin: string
  position: Position | undefined
  begun: boolean
}

/** `begin`: called before the first message after `since`; as soon as there is nothing to wait for, if none comes. */
function useSubscription(
  room: string | null | undefined,
  hear: (message: Message) => void,
  { level, since }: RoomOptions,
  begin?: () => void,
): void {
  const client = useClient()
  const latest = useLatest({ hear, begin })
  const from = since ? `${since.epoch} ${since.offset}` : ''
  const left = useRef<Left | null>(null)
  useEffect(() => {
    // Effects end and begin anew while the component stays: under StrictMode, in a hidden <Activity>, at fast refresh.
    const was = left.current
    const same = was !== null && was.client === client && was.room === room && was.begin === from
    left.current = null
    let begun = same && was.begun
    const start = () => {
      if (begun) return
      begun = true
      latest.current.begin?.()
    }
    if (!room) {
      start()
      return undefined
    }
    const position = same ? was.position : since
    const subscription = client.subscribe(
      room,
      (message) => {
        start()
        latest.current.hear(message)
      },
      { level, since: position, onReady: start },
    )
    if (!client.isConnected) start() // what it lacks may be long in coming
    return () => {
      left.current = { client, room, begin: from, position: subscription.position ?? position, begun }
      subscription.unsubscribe()
    }
    // `since` counts by its value.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [client, room, level, from, latest])
}

/**
 * Messages of a room while the component is there. `handlers`: one function, or by event name.
 *
 * `options.since`: where the room stood when the data was rendered that the component shows (`position()` of the server). What came since is
 * handed on first. When new data is rendered, with another `since`, it goes on from there.
 */
export function useRoom(
  room: string | null | undefined,
  handlers: Handler | Handlers,
  options: RoomOptions = {},
): void {
  useSubscription(
    room,
    (message) => (typeof handlers === 'function' ? handlers : handlerOf(handlers, message.type))?.(message),
    options,
  )
}

/**
 * State that the server has rendered, and that the messages of a room change: `reduce` as of useReducer.
 *
 * `options.since`: where the room stood just before `initial` was read. A message may come of something that is in `initial` already: `reduce`
 * must not mind. When the page is rendered anew, with another `since`, the state becomes the new `initial` and what came after it, at once.
 */
export function useRoomState<State>(
  room: string | null | undefined,
  reduce: (state: State, message: Message) => State,
  initial: State,
  options: RoomOptions = {},
): State {
  const [state, change] = useReducer(
    (old: State, what: { initial: State } | { message: Message }) =>
      'message' in what ? reduce(old, what.message) : what.initial,
    initial,
  )
  useSubscription(
    room,
    (message) => change({ message }),
    options,
    () => change({ initial }),
  )
  return state
}
