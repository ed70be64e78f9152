// Lines of a log outside of React: what has come, how many of each level, and which of them are wanted. All of it is kept up to date
// line by line, so that a hundred thousand lines cost a new one no more than ten do.

import type { Client, Message } from '../client/index.js'
import { Fields, isObject, textOf, timeOf } from './fields.js'

export type LogLevel = 'debug' | 'info' | 'success' | 'warning' | 'error' | 'critical'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'success', 'warning', 'error', 'critical']

export interface LogEntry {
  id: string
  /** RFC 3339. */
  time: string
  level: LogLevel
  source: string
  message: string
}

/** A line, or a mark between lines: the connection was lost, came back, lines are missing. */
export interface Line extends LogEntry {
  mark?: 'lost' | 'back' | 'gap'
}

export interface Wanted {
  level: LogLevel
  words: string
}

export interface View {
  /** Those that are wanted, oldest first. */
  shown: readonly Line[]
  counts: Readonly<Record<LogLevel, number>>
  total: number
}

const levelOf = (value: unknown): LogLevel => (LOG_LEVELS.includes(value as LogLevel) ? (value as LogLevel) : 'info')

const EVENTS = new Set(['log_message', 'log_entry'])

const ALL: Wanted = { level: 'debug', words: '' }
const none = () => Object.fromEntries(LOG_LEVELS.map((level) => [level, 0])) as Record<LogLevel, number>

export class Lines {
  private list: Line[] = []
  private pending: Line[] = []
  private ids = new Set<string>()
  private counts = none()
  private wanted = ALL
  private shown: Line[] = []
  private scheduled = false
  private made = 0
  private readonly changes = new Set<() => void>()
  /** Where the present connection's lines begin: what history brings goes before them. */
  private base = 0
  view: View

  constructor(
    private readonly limit: number,
    initial: readonly LogEntry[],
  ) {
    this.view = this.look()
    this.give(initial)
  }

  subscribe = (changed: () => void): (() => void) => {
    this.changes.add(changed)
    return () => void this.changes.delete(changed)
  }

  want(wanted: Wanted): void {
    const words = wanted.words.trim().toLowerCase()
    if (wanted.level === this.wanted.level && words === this.wanted.words) return
    this.take()
    this.wanted = { level: wanted.level, words }
    this.shown = this.list.filter(this.isWanted)
    this.tell()
  }

  clear(): void {
    this.list = []
    this.pending = []
    this.shown = []
    this.counts = none()
    this.base = 0
    this.tell() // ids stay: history must not bring back what was taken away
  }

  add = (message: Message): void => {
    const entry = this.entryOf(message)
    if (entry && this.keep(entry)) this.schedule()
  }

  mark(mark: NonNullable<Line['mark']>, message: string): void {
    const time = new Date().toISOString()
    this.pending.push({ id: `mark-${++this.made}`, time, level: 'info', source: '', message, mark })
    if (mark === 'gap') this.base = this.list.length + this.pending.length
    this.schedule()
  }

  /** Lines from before: those that are not here already go before what this connection has brought. */
  addHistory(messages: readonly Message[]): void {
    this.take()
    const entries = messages.filter(({ type }) => EVENTS.has(type)).flatMap((message) => this.entryOf(message) ?? [])
    const fresh = this.unknown(entries)
    if (!fresh.length) return
    const base = Math.min(this.base, this.list.length)
    this.rebuild([...this.list.slice(0, base), ...fresh, ...this.list.slice(base)])
  }

  /** Lines that the page was given, again perhaps: those that are not here already go where their time is. */
  give(lines: readonly LogEntry[]): void {
    this.take()
    const fresh = this.unknown(lines.flatMap((line) => this.givenOf(line)))
    if (fresh.length)
      this.rebuild([...this.list, ...fresh].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)))
  }

  /** Those that are not here already, each once. */
  private unknown(entries: LogEntry[]): LogEntry[] {
    const ids = new Set(this.ids)
    return entries.filter(({ id }) => !ids.has(id) && ids.add(id))
  }

  /** A line of the application's own, from a database say: without what can't be shown. */
  private givenOf(given: unknown): LogEntry[] {
    const line = Fields.of(given, 'a line of LogStream')
    const message = line.text('message', 'needed', Infinity)
    if (message === null) return []
    const id = line.text('id') ?? `line-${++this.made}`
    const { level, time } = line.raw
    return [{ id, time: timeOf(time), level: levelOf(level), source: line.text('source') ?? '', message }]
  }

  private rebuild(lines: Line[]): void {
    this.list = []
    this.shown = []
    this.counts = none()
    this.pending = lines.slice(-this.limit)
    this.ids = new Set(this.pending.map(({ id }) => id))
    this.take()
    this.tell()
  }

  private entryOf(message: Message): LogEntry | null {
    const data = Fields.of(message.data, message.type)
    const text = data.text('message', 'needed', Infinity)
    if (text === null) return null
    return {
      id: textOf(message.message_id) ?? `line-${++this.made}`,
      time: data.time('timestamp') ?? timeOf(message.timestamp),
      level: levelOf(data.raw.level),
      source: data.text('source') ?? '',
      message: text,
    }
  }

  private keep(entry: LogEntry): boolean {
    if (this.ids.has(entry.id)) return false
    this.ids.add(entry.id)
    this.pending.push(entry)
    return true
  }

  private isWanted = (line: Line): boolean => {
    const { level, words } = this.wanted
    if (line.mark) return !words
    return (
      LOG_LEVELS.indexOf(line.level) >= LOG_LEVELS.indexOf(level) &&
      (!words || `${line.source} ${line.message}`.toLowerCase().includes(words))
    )
  }

  /** Moves what has come into the list; arrays that were handed out are left as they are. */
  private take(): void {
    if (!this.pending.length) return
    const came = this.pending
    this.pending = []
    for (const line of came) if (!line.mark) this.counts[line.level]++
    const all = this.list.concat(came)
    const over = Math.max(0, all.length - this.limit)
    const gone = over ? all.slice(0, over) : []
    this.list = over ? all.slice(over) : all
    this.base = Math.max(0, this.base - over)
    for (const line of gone) {
      this.ids.delete(line.id)
      if (!line.mark) this.counts[line.level]--
    }
    // Of what is shown the same lines go at the beginning, and come at the end.
    const shown = this.shown.concat(came.filter(this.isWanted))
    const leaving = gone.filter(this.isWanted).length
    this.shown = leaving ? shown.slice(leaving) : shown
  }

  /** A burst of thousands is one change. */
  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    const run = () => {
      this.scheduled = false
      this.take()
      this.tell()
    }
    const frame = (globalThis as { requestAnimationFrame?: (run: () => void) => unknown }).requestAnimationFrame
    const hidden = typeof document !== 'undefined' && document.visibilityState === 'hidden'
    if (frame && !hidden) frame(run)
    else setTimeout(run, 100)
  }

  private look(): View {
    return { shown: this.shown, counts: { ...this.counts }, total: this.list.length }
  }

  private tell(): void {
    this.view = this.look()
    for (const change of [...this.changes]) change()
  }
}

/** What `lines` hear beside the messages of their room: its history, and where the connection was lost. Returns the end of it. */
export function attend(client: Client, lines: Lines, room: string | null, history: number, begin: boolean): () => void {
  const past = () => {
    if (room === null || history <= 0) return
    client.history(room, { limit: history }).then(
      (page) => lines.addHistory(Array.isArray(page?.messages) ? page.messages.filter(isObject) : []),
      () => {}, // not allowed, or the connection broke: then after the next gap
    )
  }
  let connected = client.isConnected
  let lost = false
  const ends = [
    client.on('log_entry', lines.add), // goes to everybody; in the room too, it is one line
    ...(room === null ? [client.on('log_message', lines.add)] : []),
    client.onGap((gap) => {
      if (room === null || (gap.room !== room && gap.room !== '')) return
      lines.mark('gap', 'Lines may be missing here')
      past()
    }),
    client.onChange(() => {
      const { status } = client
      if (connected && (status === 'reconnecting' || status === 'failed')) {
        connected = false
        lost = true
        lines.mark('lost', 'Connection lost')
      } else if (status === 'connected') {
        connected = true
        if (lost) lines.mark('back', 'Connected again')
        lost = false
      }
    }),
  ]
  if (begin) past()
  return () => ends.forEach((end) => end())
}
