// What outlives the process, in a folder of this server's own: the rooms (rooms.db), what is published in them (state.json), and the
// files of the jobs. An open page then goes on through a restart as through a lost connection.
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { say } from './log'
import { once } from './state'

/** DASHBOARD_FOLDER, else one of the port: it is for one process at a time. */
const folder = (): string =>
  once('folder', () => {
    const wanted = process.env.DASHBOARD_FOLDER || join('cache', process.env.PORT || '3000')
    try {
      mkdirSync(join(wanted, 'files'), { recursive: true })
      return wanted
    } catch (error) {
      // A container whose files are not the process's to write: it works, and the next container begins anew.
      const instead = mkdtempSync(join(tmpdir(), 'next-dashboard-'))
      console.warn(`Nothing can be kept in ${wanted} (${(error as Error).message}); it is in ${instead} instead`)
      mkdirSync(join(instead, 'files'))
      return instead
    }
  })

export const storeFile = (): string => join(folder(), 'rooms.db')
export const jobFiles = (): string => join(folder(), 'files')
const stateFile = (): string => join(folder(), 'state.json')

const state = () =>
  once('kept', (): Record<string, unknown> => {
    try {
      return JSON.parse(readFileSync(stateFile(), 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
      throw new Error(`${stateFile()} can't be read; delete its folder to begin anew`, { cause: error })
    }
  })

/** The value of this name that the last process has kept, else a new one. To be changed in place, and then kept by keep(). */
export const kept = <T>(name: string, make: () => T): T => (state()[name] ??= make()) as T

/** To be called after each change and before its event: no page may know what the next process does not. */
export function keep(): void {
  const next = `${stateFile()}.next`
  try {
    const file = openSync(next, 'w', 0o600)
    try {
      writeFileSync(file, JSON.stringify(state()))
      fsyncSync(file) // else a loss of power could leave the new name with nothing in it
    } finally {
      closeSync(file)
    }
    renameSync(next, stateFile()) // a process that is killed leaves the old file or the new one
  } catch (error) {
    // It goes on for those who are here. What the next process does not know goes from their pages then: it tells its state first.
    const message = `a change will be lost with this process: ${(error as Error).message}`
    console.error(message)
    say('error', 'server', message)
  }
}
