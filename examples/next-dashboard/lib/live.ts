// What goes on in the server without being asked, and what a page is rendered from.
import { wsManager } from 'ws_manager'
import { stories } from './board'
import { canTranscode, cancel, jobs } from './jobs'
import { followSystemLog, say } from './log'
import { samples, watchMachine } from './machine'
import { once } from './state'
import { ROOM, type Level, type LogLine, type Positions, type Snapshot } from './types'

export function start(): void {
  once('live', () => {
    // One path for the page: the machine's figures, the project's events and the log in one socket.
    wsManager.endpoint('/ws/dashboard', { rooms: ['@all', ROOM, 'logs'] })
    wsManager.onCommand('cancel_job', (_connection, data) => ({ cancelled: cancel(String(data.job_id)) }))
    watchMachine().unref()
    const stop = followSystemLog()
    process.once('exit', stop)
    say('info', 'server', `the dashboard's server has started as process ${process.pid}`)
    return true
  })
}

interface LogMessage {
  message_id: string
  timestamp: string
  data: { level: Level; message: string; source?: string | null }
}

export async function snapshot(): Promise<Snapshot> {
  // Positions first: what happens after them comes once more by the socket and changes nothing; nothing is missed.
  const positions: Positions = {}
  for (const room of ['@all', ROOM, 'logs']) {
    const { epoch, offset } = await wsManager.position(room)
    positions[room] = [epoch, offset]
  }
  const history = await wsManager.history('logs', { limit: 200 })
  const log: LogLine[] = (history.messages as unknown as LogMessage[]).map((line) => ({
    id: line.message_id,
    at: line.timestamp,
    level: line.data.level,
    source: line.data.source ?? '',
    message: line.data.message,
  }))
  return { positions, samples: [...samples], jobs: jobs(), stories: stories(), log, canTranscode: canTranscode() }
}
