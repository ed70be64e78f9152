// What server and browser both know.
import type { Position } from 'ws_manager/client'
import type { LogEntry, Notification } from 'ws_manager/react'

export const PROJECT = 'factory'
export const ROOM = `project:${PROJECT}`

export interface Sample {
  at: number // Unix milliseconds
  cpu: number // per cent of all cores
  memory: number // MB
  memoryTotal: number
  received: number // bytes per second, all network interfaces
  sent: number
}

export type JobKind = 'hash' | 'compress' | 'transcode'
export type JobStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled'

export interface Job {
  id: string
  kind: JobKind
  name: string
  size: number // bytes
  status: JobStatus
  progress: number // 0 to 100
  output: string // one line: speed while it runs, the result afterwards
  eta: number | null // seconds left, while it runs
  download: boolean // whether there is a file to fetch
  again: boolean // whether it can be run once more: the file that was sent is still there
}

/** What the server answers to cancel_job and restart_job. */
export type CommandReply = { ok: true } | { ok: false; reason: string }

export const COLUMNS = ['Backlog', 'In progress', 'Review', 'Done'] as const
export type Column = (typeof COLUMNS)[number]

export interface Task {
  id: string
  title: string
  done: boolean
}

export interface Story {
  id: string
  title: string
  column: Column
  tasks: Task[]
}

/** What a page is rendered from. */
export interface Snapshot {
  /** Where each room stood: what the live stream goes on from. */
  positions: Record<string, Position>
  samples: Sample[]
  jobs: Job[]
  stories: Story[]
  log: LogEntry[]
  notifications: Notification[]
  canTranscode: boolean
}
