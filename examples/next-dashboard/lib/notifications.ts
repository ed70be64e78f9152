// What a person should know of: kept here, so that a page that is opened later has it too.
import { randomUUID } from 'node:crypto'
import { wsManager } from 'ws_manager'
import type { Notification } from 'ws_manager/react'
import { keep, kept } from './kept'
import { PROJECT } from './types'

const KEPT = 50

const state = () => kept('notifications', () => ({ list: [] as Notification[] }))

export const notifications = (): Notification[] => state().list

export function notify(about: Pick<Notification, 'type' | 'title' | 'message' | 'action'>): void {
  const notification = { ...about, id: randomUUID(), read: false, created_at: new Date().toISOString() }
  state().list = [notification, ...state().list].slice(0, KEPT)
  keep()
  tell(notification)
}

/** Who reads one reads it for all windows. */
export function markAsRead(ids: string[]): void {
  const news = state().list.filter((each) => !each.read && ids.includes(each.id))
  for (const each of news) each.read = true
  keep()
  news.forEach(tell)
}

function tell({ action, ...notification }: Notification): void {
  wsManager.notifyNotification({
    ...notification,
    action: action ? { payload: null, ...action } : null,
    project_id: PROJECT,
  })
}
