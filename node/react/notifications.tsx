'use client'
// NotificationCenter: a bell with what has not been read, and the list behind it.

import { useCallback, useEffect, useId, useRef, useState, type ReactNode } from 'react'
import type { Message } from '../client/index.js'
import { ActionButton, useAction } from './action.js'
import { Fields, textOf, timeOf } from './fields.js'
import { guarded } from './guard.js'
import { useLatest, useWebSocket } from './hooks.js'
import { isWelcome } from './origin.js'
import { age, useClock, useTick } from './time.js'

export interface Notification {
  id: string
  type: 'info' | 'success' | 'warning' | 'error'
  title: string
  message: string
  read: boolean
  created_at: string
  action?: { type: string; payload?: unknown; label?: string } | null
}

export interface UseNotificationsOptions {
  /** Those that were there before, newest first. Others later are added to those that are shown. */
  initial?: readonly Notification[]
  /** How many are kept: 100. */
  limit?: number
  /**
   * Rooms whose notifications are taken, beside what is sent to this user, session or connection: `['@all', 'project:*']`. In public rooms
   * clients may be allowed to publish.
   */
  rooms?: readonly string[]
  /** Tells the server; what it throws brings the mark back. */
  onRead?: (ids: string[]) => void | Promise<void>
}

const TYPES = new Set(['info', 'success', 'warning', 'error'])
const NONE: readonly Notification[] = []

/** A type, or a level of the catalogue, as one of the four types. */
export function typeOf(value: unknown): Notification['type'] {
  if (TYPES.has(value as string)) return value as Notification['type']
  return value === 'critical' ? 'error' : 'info'
}

/** What is missing is taken from `message`, or made up; null: there is nothing to show. */
function read(event: Fields, { message_id, timestamp }: Partial<Message> = {}): Notification | null {
  const title = event.text('title', 'needed')
  if (title === null) return null
  const created = event.time('created_at') ?? timeOf(timestamp)
  return {
    id: event.text('id') ?? textOf(message_id) ?? `${title} ${created}`,
    type: typeOf(event.raw.type ?? event.raw.level),
    title,
    message: event.text('message') ?? '',
    read: event.raw.read === true,
    created_at: created,
    action: actionOf(event.optional('action')),
  }
}

/** With the members that an application has added. One that has no name can't be offered. */
function actionOf(action: Fields | null): Notification['action'] {
  const type = action?.text('type') ?? ''
  const label = action?.text('label') ?? undefined
  return action && (type || label) ? { ...action.raw, type, label } : null
}

/** Those that an application hands over, each once. */
function readAll(given: readonly unknown[]): readonly Notification[] {
  const all = new Map<string, Notification>()
  for (const each of Array.isArray(given) ? given : []) {
    const one = read(Fields.of(each, 'a notification'))
    if (one && !all.has(one.id)) all.set(one.id, one)
  }
  return [...all.values()]
}

/** One that is there already stays where it is, and read if it was. */
function withOne(list: readonly Notification[], one: Notification): readonly Notification[] {
  if (!list.some(({ id }) => id === one.id)) return [one, ...list]
  return list.map((each) => (each.id === one.id ? { ...one, read: one.read || each.read } : each))
}

/** Notifications as they come, and what has been read of them. */
export function useNotifications({ initial = NONE, limit = 100, rooms, onRead }: UseNotificationsOptions = {}) {
  const { client } = useWebSocket()
  const [list, setList] = useState(() => readAll(initial))
  const allowed = useLatest(rooms)
  const dismissed = useRef(new Set<string>())
  useEffect(
    () =>
      client.on('notification', (message) => {
        if (!isWelcome(message, 'own', allowed.current, 'NotificationCenter')) return
        const notification = read(Fields.of(message.data, message.type), message)
        if (notification) setList((old) => withOne(old, notification).slice(0, limit))
      }),
    [client, limit, allowed],
  )
  useEffect(() => {
    setList((old) => {
      const others = readAll(initial).filter(
        ({ id }) => !dismissed.current.has(id) && !old.some((each) => each.id === id),
      )
      if (!others.length) return old
      return [...old, ...others].sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, limit)
    })
  }, [initial, limit])
  const markAsRead = useCallback(
    (ids?: string[]) => {
      setList((old) => {
        const unread = old.filter((each) => !each.read && (!ids || ids.includes(each.id))).map((each) => each.id)
        if (!unread.length) return old
        const back = () =>
          setList((now) => now.map((each) => (unread.includes(each.id) ? { ...each, read: false } : each)))
        queueMicrotask(() => {
          try {
            void Promise.resolve(onRead?.(unread)).catch(back)
          } catch {
            back()
          }
        })
        return old.map((each) => (unread.includes(each.id) ? { ...each, read: true } : each))
      })
    },
    [onRead],
  )
  const dismiss = useCallback((id: string) => {
    dismissed.current.add(id)
    setList((old) => old.filter((each) => each.id !== id))
  }, [])
  return { notifications: list, unreadCount: list.filter((each) => !each.read).length, markAsRead, dismiss }
}

export interface NotificationCenterProps extends UseNotificationsOptions {
  /** What returns a promise is pending until it is settled; why it failed is shown. */
  onAction?: (notification: Notification) => unknown
  className?: string
}

export const NotificationCenter = /* @__PURE__ */ guarded('NotificationCenter', Center)

function Center({ onAction, className = '', ...options }: NotificationCenterProps): ReactNode {
  const { notifications, unreadCount, markAsRead, dismiss } = useNotifications(options)
  const [open, setOpen] = useState(false)
  const [rightwards, setRightwards] = useState(false)
  const panel = useId()
  const root = useRef<HTMLDivElement>(null)
  const bell = useRef<HTMLButtonElement>(null)
  useTick(open ? 30_000 : null)

  useEffect(() => {
    if (!open) return undefined
    const away = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    const escape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      setOpen(false)
      bell.current?.focus()
    }
    document.addEventListener('pointerdown', away)
    document.addEventListener('keydown', escape)
    return () => {
      document.removeEventListener('pointerdown', away)
      document.removeEventListener('keydown', escape)
    }
  }, [open])

  // A panel opens to the side where the window has room for it.
  const toggle = (): void => {
    setRightwards((bell.current?.getBoundingClientRect().left ?? Infinity) < window.innerWidth / 2)
    setOpen(!open)
  }

  // The button that had the focus goes with its notification: the panel takes it, or the keyboard is lost.
  const keepFocus = () => root.current?.querySelector<HTMLElement>('.wsm-panel')?.focus()

  return (
    <div className={`wsm-notifications ${className}`} ref={root}>
      <button
        ref={bell}
        type="button"
        className="wsm-bell"
        aria-expanded={open}
        aria-controls={open ? panel : undefined}
        aria-label={unreadCount ? `Notifications, ${unreadCount} unread` : 'Notifications'}
        onClick={toggle}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <path
            d="M8 1.5a4 4 0 0 0-4 4V9l-1.3 2.2h10.6L12 9V5.5a4 4 0 0 0-4-4zM6.4 12.7a1.7 1.7 0 0 0 3.2 0"
            fill="none"
            stroke="currentColor"
            strokeWidth="1.4"
            strokeLinejoin="round"
          />
        </svg>
        {unreadCount > 0 && <span className="wsm-count">{unreadCount > 99 ? '99+' : unreadCount}</span>}
      </button>
      <span className="wsm-hidden" role="status">
        {notifications[0] && !notifications[0].read ? `${notifications[0].title}: ${notifications[0].message}` : ''}
      </span>
      {open && (
        <div
          id={panel}
          className={`wsm-panel ${rightwards ? 'wsm-rightwards' : ''}`}
          role="region"
          aria-label="Notifications"
          tabIndex={-1}
        >
          <div className="wsm-row wsm-head">
            <strong className="wsm-grow">Notifications</strong>
            <button type="button" className="wsm-link" disabled={!unreadCount} onClick={() => markAsRead()}>
              Mark all as read
            </button>
          </div>
          {!notifications.length && <p className="wsm-none">Nothing new.</p>}
          <ul>
            {notifications.map((each) => (
              <Item
                key={each.id}
                notification={each}
                onAction={onAction}
                markAsRead={() => (markAsRead([each.id]), keepFocus())}
                dismiss={() => (dismiss(each.id), keepFocus())}
              />
            ))}
          </ul>
        </div>
      )}
    </div>
  )
}

interface ItemProps {
  notification: Notification
  onAction?: (notification: Notification) => unknown
  markAsRead: () => void
  dismiss: () => void
}

function Item({ notification, onAction, markAsRead, dismiss }: ItemProps): ReactNode {
  const { type, title, message, read, created_at: created, action } = notification
  const clock = useClock()
  const acting = useAction()
  const act = (): unknown => {
    markAsRead()
    return onAction?.(notification)
  }
  return (
    <li className={`wsm-notification wsm-${type} ${read ? '' : 'wsm-unread'}`}>
      <div className="wsm-row">
        <i className="wsm-dot" aria-hidden="true" />
        <strong className="wsm-grow">{title}</strong>
        {!read && <span className="wsm-hidden">unread</span>}
        <time dateTime={created} title={clock.exact(created)}>
          {age(created, Date.now())}
        </time>
        <button type="button" className="wsm-x" aria-label={`Dismiss ${title}`} onClick={dismiss}>
          ×
        </button>
      </div>
      {message && <p>{message}</p>}
      {((action && onAction) || !read) && (
        <div className="wsm-row">
          {action && onAction && <ActionButton action={act} with={acting} label={action.label || action.type} />}
          {!read && (
            <button type="button" className="wsm-link" onClick={markAsRead}>
              Mark as read
            </button>
          )}
        </div>
      )}
      {acting.error && (
        <p className="wsm-problem" role="alert">
          {acting.error}
        </p>
      )}
    </li>
  )
}
