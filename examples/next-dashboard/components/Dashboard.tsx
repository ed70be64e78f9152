'use client'

import { useRouter } from 'next/navigation'
import { useEffect, useReducer, useRef, useState, useSyncExternalStore } from 'react'
import type { Snapshot } from '@/lib/types'
import { Board } from './Board'
import { Jobs } from './Jobs'
import { Log } from './Log'
import { Machine } from './Machine'
import { ThemeButton } from './ThemeButton'
import { LiveSocket, type Status } from './socket'
import { reduce } from './state'

const WORDS: Record<Status, string> = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' }

export function Dashboard({ initial }: { initial: Snapshot }) {
  const [state, change] = useReducer(reduce, initial)
  const [socket] = useState(() => new LiveSocket('/ws/dashboard', { ...initial.positions }))
  const [error, setError] = useState<string | null>(null)
  const router = useRouter()
  const first = useRef(true)

  const status = useSyncExternalStore(
    (changed) => {
      socket.onStatus = changed
      return () => (socket.onStatus = () => {})
    },
    () => socket.status,
    () => 'connecting' as Status,
  )

  useEffect(() => {
    socket.onMessage = (message) => change({ message })
    socket.onLost = () => router.refresh() // a new snapshot comes as `initial`
    socket.open()
    return () => socket.close()
  }, [socket, router])

  useEffect(() => {
    if (first.current) {
      first.current = false
      return
    }
    change({ reset: initial })
    socket.restart(initial.positions)
  }, [initial, socket])

  const attempt = async (action: Promise<string | null>) =>
    setError(await action.catch((reason: Error) => reason.message))

  return (
    <>
      <a className="skip" href="#jobs">
        Skip to the jobs
      </a>
      <header className="top">
        <div className="brand">
          <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="9" fill="var(--accent)" />
            <path d="M7 21V13l6 4v-4l6 4V9h6v12z" fill="var(--on-accent)" />
          </svg>
          <h1>Factory</h1>
          <span className="sub">one machine, live in every window</span>
        </div>
        <div className="row">
          <span className={`chip ${status}`} role="status" data-testid="status">
            <i aria-hidden="true" />
            {WORDS[status]}
          </span>
          <ThemeButton />
        </div>
      </header>
      {error && (
        <p className="notice" role="alert">
          {error}
          <button type="button" onClick={() => setError(null)} aria-label="Dismiss">
            ×
          </button>
        </p>
      )}
      <main className="grid">
        <Machine samples={state.samples} />
        <Jobs jobs={state.jobs} canTranscode={state.canTranscode} socket={socket} onError={setError} />
        <Board stories={state.stories} attempt={attempt} />
        <Log lines={state.log} />
      </main>
    </>
  )
}
