'use client'
// ConnectionStatus: what the connection is doing, in one line, and the one thing that a person can do about it.

import { useEffect, useState, type ReactNode } from 'react'
import type { Status } from '../client/index.js'
import { guarded } from './guard.js'
import { useWebSocket } from './hooks.js'
import { useTick } from './time.js'

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
const TITLES: Partial<Record<Status, string>> = {
  degraded: 'No WebSocket gets through: messages are fetched every few seconds',
  reconnecting: 'What you see is as it was when the connection was lost',
}

/** Seconds for which there has been no connection; null while there is one. */
function useAway(status: Status): number | null {
  const away = status === 'reconnecting' || status === 'failed' || status === 'disconnected'
  const [since, setSince] = useState<number | null>(null)
  useEffect(() => setSince(away ? Date.now() : null), [away])
  useTick(since === null ? null : 1000)
  return since === null ? null : Math.floor((Date.now() - since) / 1000)
}

export const ConnectionStatus = /* @__PURE__ */ guarded('ConnectionStatus', Connection)

function Connection({ labels, className = '' }: ConnectionStatusProps): ReactNode {
  const { status, error, reconnect } = useWebSocket()
  const away = useAway(status)
  const over = status === 'failed' || status === 'disconnected'
  return (
    <span className={`wsm-status wsm-${status} ${className}`} title={over ? error?.message : TITLES[status]}>
      <span role="status">
        <i className="wsm-dot" aria-hidden="true" />
        {labels?.[status] ?? LABELS[status]}
      </span>
      {away !== null && away >= 2 && (
        <span className="wsm-away" aria-hidden="true">
          {away < 60 ? `${away} s` : away < 3600 ? `${Math.floor(away / 60)} min` : `${Math.floor(away / 3600)} h`}
        </span>
      )}
      {status === 'failed' && (
        <button type="button" className="wsm-link" onClick={reconnect}>
          Try again
        </button>
      )}
    </span>
  )
}
