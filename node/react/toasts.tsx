'use client'
// EventToasts: what needs a look, as toasts. On sonner, which the application installs.

import { createElement, isValidElement, useEffect, type ReactNode } from 'react'
import { Toaster, toast, type ToasterProps } from 'sonner'
import type { Message } from '../client/index.js'
import { Fields, figure, textOf } from './fields.js'
import { guarded } from './guard.js'
import { useLatest, useWebSocket } from './hooks.js'
import { typeOf } from './notifications.js'
import { isWelcome } from './origin.js'

export interface ToastOptions {
  /** Milliseconds; 0: until it is dismissed. 5,000 if not given, 10,000 for errors. */
  duration?: number
  action?: { label: string; onClick: () => void }
  /** Takes the place of the toast that has it. */
  id?: string | number
}

type Kind = 'success' | 'error' | 'warning' | 'info'
const KINDS = new Set<string>(['success', 'error', 'warning', 'info'] satisfies Kind[])

function show(
  kind: Kind,
  title: string,
  message?: string,
  { duration = kind === 'error' ? 10_000 : 5000, action, id }: ToastOptions = {},
): string | number {
  // What sonner cannot draw would take the page with it.
  return toast[kind](wordsOf(title), {
    description: message === undefined ? undefined : wordsOf(message),
    duration: duration || Infinity,
    action: action && { ...action, label: wordsOf(action.label) },
    id: textOf(id) ?? undefined,
  })
}

/** Text; elements of React, where an application gives them, as they are. */
const wordsOf = (value: unknown): string => textOf(value) ?? (isValidElement(value) ? (value as unknown as string) : '')

const api = {
  success: (title: string, message?: string, options?: ToastOptions) => show('success', title, message, options),
  error: (title: string, message?: string, options?: ToastOptions) => show('error', title, message, options),
  warning: (title: string, message?: string, options?: ToastOptions) => show('warning', title, message, options),
  info: (title: string, message?: string, options?: ToastOptions) => show('info', title, message, options),
  dismiss: (id?: string | number) => void toast.dismiss(id),
}

/** toast.success(title, message, { duration, action }) and its siblings. */
export function useToast() {
  return api
}

export interface EventToast {
  kind: Kind
  title: string
  message?: string
  /** Milliseconds; 0: until it is dismissed. 5,000 if not given, 10,000 for errors. */
  duration?: number
  action?: ToastOptions['action']
  /** Takes the place of the toast that has it. */
  id?: string | number
}

/** What becomes a toast: by event, a function that returns one, or null for none. */
export type EventToastMap = Record<string, (message: Message<string, any>) => EventToast | null>

const DEFAULTS: Record<string, (event: Fields, message: Message) => EventToast | null> = {
  // One that says that it was read comes for the list of notifications alone.
  notification(event) {
    const title = event.raw.read === true ? null : event.text('title', 'needed')
    const kind = typeOf(event.raw.type ?? event.raw.level)
    return title === null ? null : { kind, title, message: event.text('message') ?? undefined }
  },
  processing_complete(event) {
    const seconds = event.num('processing_time_seconds')
    return {
      kind: 'success',
      title: 'Analysis complete',
      message: seconds ? `It took ${figure(seconds, 1)} s` : undefined,
    }
  },
  processing_failed: (event) => ({
    kind: 'error',
    title: 'Analysis failed',
    message: event.text('error', 'needed') ?? undefined,
    duration: 0,
  }),
  validation_required: (event) => ({
    kind: 'warning',
    title: 'Please check a result',
    message: event.text('reason') ?? undefined,
    duration: 0,
  }),
  pipeline_error_update(event) {
    const id = event.text('pipeline_id', 'needed') ?? '–'
    return {
      kind: 'error',
      title: `Pipeline ${id}`,
      message: event.text('error_message', 'needed') ?? undefined,
      duration: event.raw.severity === 'critical' ? 0 : undefined,
      id: `pipeline_error_update ${id}`,
    }
  },
  job_failed: (event) => ({
    kind: 'error',
    title: `Job ${event.text('job_id', 'needed') ?? '–'} failed`,
    message: event.text('error') ?? undefined,
  }),
  error: (event, { id }) =>
    id === undefined ? { kind: 'error', title: 'Error', message: event.text('message') ?? undefined } : null,
}

/** The toast of a message; null: none. */
function made(message: Message, own: EventToastMap[string] | null | undefined): EventToast | null {
  if (own) return own(message)
  return own === null ? null : DEFAULTS[message.type](Fields.of(message.data, message.type), message)
}

export interface EventToastsProps extends ToasterProps {
  /** Adds to the events that are shown, or changes them; null takes one away. */
  events?: Record<string, EventToastMap[string] | null>
  /**
   * Rooms whose events become toasts, beside what the application sends to this user, session or connection, and what it tells everybody
   * (`@all`; but a `notification` from there only if it stands here): `['project:*']`. In public rooms clients may be allowed to publish.
   */
  rooms?: readonly string[]
}

export const EventToasts = /* @__PURE__ */ guarded('EventToasts', Toasts)

function Toasts({ events, rooms, className = '', ...toaster }: EventToastsProps): ReactNode {
  const { client } = useWebSocket()
  const latest = useLatest({ events, rooms })
  useEffect(
    () =>
      client.on('*', (message) => {
        const { type } = message
        const { events: all, rooms: allowed } = latest.current
        const own = all && Object.hasOwn(all, type) ? all[type] : undefined
        if (own === null || (!own && !Object.hasOwn(DEFAULTS, type))) return
        if (!isWelcome(message, type === 'notification' ? 'own' : 'host', allowed, 'EventToasts')) return
        const one = made(message, own)
        if (one) show(KINDS.has(one.kind) ? one.kind : 'info', one.title, one.message, one)
      }),
    [client, latest],
  )
  return createElement(Toaster, {
    visibleToasts: 5,
    closeButton: true,
    theme: 'system',
    ...toaster,
    className: `wsm-toasts ${className}`,
  })
}
