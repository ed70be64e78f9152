'use client'

import { useCallback, useEffect, useState } from 'react'
import { ConnectionStatus, NotificationCenter, useRoom, useWebSocket, type Notification } from 'ws_manager/react'
import { ROOM } from '@/lib/types'
import { useNotificationAction, useReload } from './live'
import { ThemeButton } from './ThemeButton'

export function Header({ notifications }: { notifications: Notification[] }) {
  useReload()
  const { request } = useWebSocket()
  const act = useNotificationAction()
  const read = useCallback((ids: string[]) => request<void>('read_notifications', { ids }), [request])
  return (
    <header className="top">
      <div className="brand">
        <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" fill="var(--text)" />
          <path d="M7 22V12.5l6 4v-4l6 4V9h6v13z" fill="var(--bg)" />
        </svg>
        <h1>Factory</h1>
        <span className="slash" aria-hidden="true" />
        <span className="sub">one machine, live in every window</span>
      </div>
      <div className="row">
        <Windows />
        <ConnectionStatus className="chip" />
        <NotificationCenter
          initial={notifications}
          rooms={[ROOM]}
          onRead={read}
          onAction={({ action }) => action && act(action)}
        />
        <ThemeButton />
      </div>
    </header>
  )
}

/** How many windows look at this page. */
function Windows() {
  const { isConnected, client } = useWebSocket()
  const [windows, setWindows] = useState<number | null>(null)
  const told = ({ data }: { data: { clients_total: number } }) => setWindows(data.clients_total)
  useRoom(ROOM, { presence_join: told, presence_leave: told, presence_changed: told })
  useEffect(() => {
    if (!isConnected) return
    client.request<{ clients_total: number }>('presence', { room: ROOM, limit: 0 }).then(
      ({ clients_total }) => setWindows(clients_total),
      () => {}, // the next connection asks again
    )
  }, [isConnected, client])
  if (!isConnected || !windows) return null
  return <span className="windows">{windows === 1 ? '1 window' : `${windows} windows`}</span>
}
