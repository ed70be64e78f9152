// What a person should know of: kept here, so that a page that is opened later has it too.
import { randomUUID } from 'node:crypto'
import { wsManager } from 'ws_manager'
import type { Notification } from 'ws_manager/react'
import { once } from './state'
import { PROJECT } from './types'

const KEPT = 50

const state = once('notifications', () => ({ list: [] as Notification[] }))

export const notifications = (): Notification[] => state.list

export function notify(about: Pick<Notification, 'type' | 'title' | 'message' | 'action'>): void {
  const notification = { ...about, id: randomUUID(), read: false, created_at: new Date().toISOString() }
  state.list = [notification, ...state.list].slice(0, KEPT)
  tell(notification)
}

/** Who reads one reads it for all windows. */
export function markAsRead(ids: string[]): void {
  state.list = state.list.map((each) => {
    if (each.read || !ids.includes(each.id)) return each
    const read = { ...each, read: true }
    tell(read)
    return read
  })
}

function tell({ action, ...notification }: Notification): void {
  wsManager.notifyNotification({
    ...notification,
    action: action ? { payload: null, ...action } : null,
    project_id: PROJECT,
  })
}
