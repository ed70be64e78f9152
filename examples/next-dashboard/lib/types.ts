// What server and browser both know.

export const PROJECT = 'factory'
export const ROOM = `project:${PROJECT}`

export type Level = 'debug' | 'info' | 'success' | 'warning' | 'error' | 'critical'

export interface Sample {
  at: number // Unix milliseconds
  cpu: number // per cent of all cores
  memory: number // MB
  memoryTotal: number
  received: number // bytes per second, all network interfaces
  sent: number
}

export type JobKind = 'hash' | 'compress' | 'transcode'
export type JobStatus = 'queued' | 'running' | 'completed' | 'failed'

export interface Job {
  id: string
  kind: JobKind
  name: string
  size: number // bytes
  status: JobStatus
  progress: number // 0 to 100
  output: string // one line: speed while it runs, the result afterwards
  download: boolean // whether there is a file to fetch
}

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

export interface LogLine {
  id: string
  at: string
  level: Level
  source: string
  message: string
}

// Where each room stood when the page was rendered: what the live stream goes on from.
export type Positions = Record<string, [epoch: string, offset: number]>

export interface Snapshot {
  positions: Positions
  samples: Sample[]
  jobs: Job[]
  stories: Story[]
  log: LogLine[]
  canTranscode: boolean
}
