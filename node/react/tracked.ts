'use client'
// A client's state for rendering: immutable snapshots for useSyncExternalStore, and a note of what a component reads of them.

import { useMemo, useSyncExternalStore } from 'react'
import type { Client, Message, Status } from '../client/index.js'
import { firstStatus, statusOf } from './registry.js'

export interface Snapshot {
  status: Status
  isConnected: boolean
  lastMessage: Message | null
  clientId: string | null
  userId: string | null
  error: Error | null
}

const NAMES = ['status', 'isConnected', 'lastMessage', 'clientId', 'userId', 'error'] as const

/** One for all hooks of a client, and the same one until something changes. */
const snapshots = new WeakMap<Client, Snapshot>()
const firsts = new WeakMap<Client, Snapshot>()

/** What a server renders, and the browser until hydration is over. */
function firstOf(client: Client): Snapshot {
  let first = firsts.get(client)
  if (!first) {
    first = {
      status: firstStatus(client),
      isConnected: false,
      lastMessage: null,
      clientId: null,
      userId: null,
      error: null,
    }
    firsts.set(client, first)
  }
  return first
}

function snapshotOf(client: Client): Snapshot {
  const known = snapshots.get(client) ?? firstOf(client)
  const status = statusOf(client)
  const { isConnected, lastMessage, clientId, userId, error } = client
  if (
    known.lastMessage === lastMessage &&
    known.status === status &&
    known.isConnected === isConnected &&
    known.clientId === clientId &&
    known.userId === userId &&
    known.error === error
  )
    return known
  const now: Snapshot = { status, isConnected, lastMessage, clientId, userId, error }
  snapshots.set(client, now)
  return now
}

/** The state of a client. What a component reads of it decides which changes it renders for. */
export function useTracked(client: Client): Snapshot {
  const store = useMemo(() => storeOf(client), [client])
  const snapshot = useSyncExternalStore(store.subscribe, store.take, store.first)
  return useMemo(() => store.tracked(snapshot), [store, snapshot])
}

/** Of one component. What rendering changes here are notes that grow: a rendering that React throws away costs at most another one. */
function storeOf(client: Client) {
  let last = snapshotOf(client)
  /** What has been read, with the values that were handed out. */
  const seen: Partial<Record<keyof Snapshot, unknown>> = {}
  const names: (keyof Snapshot)[] = []
  let mounted = false
  return {
    subscribe(changed: () => void): () => void {
      mounted = true
      return client.onChange(changed)
    },
    first: () => firstOf(client),
    /**
     * Another snapshot only if something changed that is read. React asks at the end of a rendering, too: so what changed meanwhile is
     * never half on the screen, and a message that nobody reads never interrupts a transition.
     */
    take(): Snapshot {
      const now = snapshotOf(client)
      if (names.some((name) => now[name] !== seen[name])) {
        last = now
        for (const name of names) seen[name] = now[name]
      }
      return last
    },
    /** What a component gets: the same values, however often it looks. */
    tracked(snapshot: Snapshot): Snapshot {
      const own: Partial<Record<keyof Snapshot, unknown>> = {}
      const get = (name: keyof Snapshot) => {
        // Read for the first time, perhaps in a handler long after the rendering: then the snapshot is old.
        if (!(name in seen)) {
          seen[name] = (mounted ? snapshotOf(client) : snapshot)[name]
          names.push(name)
        }
        if (!(name in own)) own[name] = seen[name]
        return own[name]
      }
      const members = NAMES.map((name) => [name, { enumerable: true, get: () => get(name) }])
      return Object.defineProperties({}, Object.fromEntries(members)) as Snapshot
    },
  }
}
