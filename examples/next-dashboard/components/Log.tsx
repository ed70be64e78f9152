'use client'

import type { Position } from 'ws_manager/client'
import { LogStream, type LogEntry } from 'ws_manager/react'

export function Log({ initial, since }: { initial: LogEntry[]; since: Position }) {
  return (
    <div className="panel log">
      <h2>Log</h2>
      <LogStream room="logs" initial={initial} since={since} height="100%" limit={10_000} />
    </div>
  )
}
