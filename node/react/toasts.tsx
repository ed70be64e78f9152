'use client'
// EventToasts: what needs a look, as toasts. On sonner, which the application installs.

import { createElement, useEffect, useRef, type ReactNode } from 'react'
import { Toaster, toast, type ToasterProps } from 'sonner'
import type { Message } from '../client/index.js'
import { useWebSocket } from './hooks.js'

export interface ToastOptions {
  /** Milliseconds; 0: until it is dismissed. 5,000 if not given, 10,000 for errors. */
  duration?: number
  action?: { label: string; onClick: () => void }
  /** Takes the place of the toast that has it. */
  id?: string | number
}

type Kind = 'success' | 'error' | 'warning' | 'info'

function show(
  kind: Kind,
  title: string,
  message?: string,
  { duration = kind === 'error' ? 10_000 : 5000, action, id }: ToastOptions = {},
): string | number {
  return toast[kind](title, { description: message, duration: duration || Infinity, action, id })
}

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

const DEFAULTS: EventToastMap = {
  // One that says that it was read comes for the list of notifications alone.
  notification: ({ data }) =>
    data.read ? null : { kind: kindOf(data.type ?? data.level), title: data.title, message: data.message },
  processing_complete: ({ data }) => ({
    kind: 'success',
    title: 'Analysis complete',
    message: data.processing_time_seconds ? `It took ${Number(data.processing_time_seconds).toFixed(1)} s` : undefined,
  }),
  processing_failed: ({ data }) => ({ kind: 'error', title: 'Analysis failed', message: data.error, duration: 0 }),
  validation_required: ({ data }) => ({
    kind: 'warning',
    title: 'Please check a result',
    message: data.reason,
    duration: 0,
  }),
  pipeline_error_update: ({ data }) => ({
    kind: 'error',
    title: `Pipeline ${data.pipeline_id}`,
    message: data.error_message,
    duration: data.severity === 'critical' ? 0 : undefined,
    id: `pipeline_error_update ${data.pipeline_id}`,
  }),
  job_failed: ({ data }) => ({ kind: 'error', title: `Job ${data.job_id} failed`, message: data.error ?? undefined }),
  error: ({ data, id }) => (id === undefined ? { kind: 'error', title: 'Error', message: data.message } : null),
}

function kindOf(level: unknown): Kind {
  return level === 'success' || level === 'warning' || level === 'error'
    ? level
    : level === 'critical'
      ? 'error'
      : 'info'
}

export interface EventToastsProps extends ToasterProps {
  /** Adds to the events that are shown, or changes them; null takes one away. */
  events?: Record<string, EventToastMap[string] | null>
}

export function EventToasts({ events, className = '', ...toaster }: EventToastsProps): ReactNode {
  const { client } = useWebSocket()
  const latest = useRef(events)
  useEffect(() => {
    latest.current = events
  })
  useEffect(
    () =>
      client.on('*', (message) => {
        const own = latest.current?.[message.type]
        const made = own === null ? null : (own ?? DEFAULTS[message.type])?.(message)
        if (made) show(made.kind, made.title, made.message, made)
      }),
    [client],
  )
  return createElement(Toaster, {
    visibleToasts: 5,
    closeButton: true,
    theme: 'system',
    ...toaster,
    className: `wsm-toasts ${className}`,
  })
}
