'use client'
// ConnectionStatus: what the connection is doing, in one line, and the one thing that a person can do about it.

import type { ReactNode } from 'react'
import type { Status } from '../client/index.js'
import { useWebSocket } from './hooks.js'

export interface ConnectionStatusProps {
  /** Words for each state, in place of the English ones. */
  labels?: Partial<Record<Status, string>>
  className?: string
}

const LABELS: Record<Status, string> = {
  connecting: 'Connecting',
  connected: 'Live',
  reconnecting: 'Reconnecting',
  degraded: 'Delayed',
  disconnected: 'Offline',
  failed: 'Connection failed',
}

export function ConnectionStatus({ labels, className = '' }: ConnectionStatusProps): ReactNode {
  const { status, error, reconnect } = useWebSocket()
  const over = status === 'failed' || status === 'disconnected'
  return (
    <span className={`wsm-status wsm-${status} ${className}`} title={over ? error?.message : undefined}>
      <span role="status">
        <i className="wsm-dot" aria-hidden="true" />
        {labels?.[status] ?? LABELS[status]}
      </span>
      {status === 'failed' && (
        <button type="button" className="wsm-link" onClick={reconnect}>
          Try again
        </button>
      )}
    </span>
  )
}
