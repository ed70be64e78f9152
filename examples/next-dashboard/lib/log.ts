// The machine's own log, where it can be read, and what this application has to say: both end in the room `logs`.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { wsManager } from 'ws_manager'
import type { LogLevel } from 'ws_manager/react'

export function say(level: LogLevel, source: string, message: string): void {
  wsManager.notifyLog(level, message, source)
}

const PRIORITIES: LogLevel[] = ['critical', 'critical', 'critical', 'error', 'warning', 'info', 'info', 'debug']

// journalctl where there is a journal, else the file that syslog writes.
export function followSystemLog(): () => void {
  const journal = existsSync('/run/systemd/journal/socket')
  const file = ['/var/log/syslog', '/var/log/messages'].find(existsSync)
  if (!journal && !file) {
    say('info', 'log', 'this machine keeps no system log that can be read: only this application is heard here')
    return () => {}
  }
  const child = journal
    ? spawn('journalctl', ['--follow', '--output=json', '--lines=10'], { stdio: ['ignore', 'pipe', 'ignore'] })
    : spawn('tail', ['-n', '10', '-F', file as string], { stdio: ['ignore', 'pipe', 'ignore'] })
  child.on('error', (error) => say('warning', 'log', `the system log can't be followed: ${error.message}`))
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!journal) {
      say('info', 'syslog', line)
      return
    }
    try {
      const entry = JSON.parse(line) as { MESSAGE?: unknown; PRIORITY?: string; SYSLOG_IDENTIFIER?: string }
      if (typeof entry.MESSAGE === 'string')
        say(PRIORITIES[Number(entry.PRIORITY ?? 6)] ?? 'info', entry.SYSLOG_IDENTIFIER ?? 'system', entry.MESSAGE)
    } catch {
      say('info', 'system', line)
    }
  })
  return () => child.kill()
}
