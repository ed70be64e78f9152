// What goes on in the server without being asked, what pages may ask for, and what they are rendered from.
import { wsManager } from 'ws_manager'
import type { LogEntry, LogLevel } from 'ws_manager/react'
import { stories } from './board'
import { canTranscode, cancel, goOn, jobs, restart } from './jobs'
import { storeFile } from './kept'
import { followSystemLog, say } from './log'
import { samples, watchMachine } from './machine'
import { markAsRead, notifications } from './notifications'
import { once } from './state'
import { PROJECT, ROOM, type CommandReply, type Snapshot } from './types'

const ROOMS = ['@all', ROOM, 'logs']

/** Pages that are open recover from what is kept on disk, through the end of this process too. */
function keepRooms(): void {
  if (wsManager.running) {
    // A server of one's own has called attach() before Next.js has called register(): what it has configured holds.
    console.warn(`The rooms are in memory: give the server { store: '${storeFile()}' } before attach() to keep them`)
    return
  }
  wsManager.configure({ store: storeFile() })
  for (const room of ROOMS) wsManager.room(room, { store: 'disk', historySize: 1000, historyTtl: 3600 })
}

export function start(): void {
  once('live', () => {
    keepRooms()
    // One path for the page: the machine's figures, the project's events and the log in one socket.
    wsManager.endpoint('/ws/dashboard', { rooms: ROOMS })
    wsManager.room(ROOM, { presenceEvents: true })
    wsManager.onCommand('cancel_job', (_connection, { job_id }) => answer(() => cancel(String(job_id))))
    wsManager.onCommand('restart_job', (_connection, { job_id }) => answer(() => restart(String(job_id))))
    wsManager.onCommand('read_notifications', (_connection, { ids }) => markAsRead(Array.isArray(ids) ? ids : []))
    watchMachine().unref()
    // A position is kept from the first message on, and the machine's figures have none: without this @all would begin anew each time.
    wsManager.broadcast({ event_type: 'server_started', pid: process.pid })
    // The truth as this process knows it: what the one before could not keep or tell is right in every page after this.
    wsManager.notify('dashboard_started', { jobs: jobs(), stories: stories() }, { project_id: PROJECT })
    goOn()
    const stop = followSystemLog()
    process.once('exit', stop)
    say('info', 'server', `the dashboard's server has started as process ${process.pid}`)
    return true
  })
}

/** A refusal is an answer; only what nobody has thought of is an error. */
async function answer(command: () => unknown): Promise<CommandReply> {
  try {
    await command()
    return { ok: true }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

interface LogMessage {
  message_id: string
  timestamp: string
  data: { level: LogLevel; message: string; source?: string | null }
}

export async function snapshot(): Promise<Snapshot> {
  // Positions first: what happens after them comes once more by the socket and changes nothing; nothing is missed.
  const positions = Object.fromEntries(
    await Promise.all(ROOMS.map(async (room) => [room, await wsManager.position(room)] as const)),
  )
  const history = await wsManager.history('logs', { limit: 200 })
  const log = (history.messages as unknown as LogMessage[]).map(({ message_id, timestamp, data }): LogEntry => ({
    id: message_id,
    time: timestamp,
    level: data.level,
    source: data.source ?? '',
    message: data.message,
  }))
  return {
    positions,
    samples: [...samples],
    jobs: [...jobs()],
    stories: stories(),
    log,
    notifications: notifications(),
    canTranscode: canTranscode(),
  }
}
