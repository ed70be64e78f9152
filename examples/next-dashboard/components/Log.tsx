'use client'

import type { Position } from 'ws_manager/client'
import { LogStream, type LogEntry } from 'ws_manager/react'

export function Log({ initial, since }: { initial: LogEntry[]; since: Position }) {
  return <LogStream room="logs" initial={initial} since={since} height="100%" limit={10_000} className="log" />
}
