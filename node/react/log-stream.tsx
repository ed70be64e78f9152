'use client'
// LogStream: log messages as they come. Only the lines in view are in the document, so that 100,000 of them scroll like ten.

import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode, type UIEvent } from 'react'
import type { Client, Message, Position } from '../client/index.js'
import { useRoom, useWebSocket } from './hooks.js'

export type LogLevel = 'debug' | 'info' | 'success' | 'warning' | 'error' | 'critical'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'success', 'warning', 'error', 'critical']

export interface LogEntry {
  id: string
  time: string
  level: LogLevel
  source: string
  message: string
}

export interface LogStreamProps {
  /** Room of the messages; `logs` if not given, null for those that come without being asked for. */
  room?: string | null
  /** Lines kept; the oldest go first. 100,000. */
  limit?: number
  /** Lines that were there before: of `history()`, say. Others later are added to those that are shown. */
  initial?: readonly LogEntry[]
  /** Where the room stood when `initial` was taken (`position()` of the server): it goes on from there, without a gap. */
  since?: Position
  /** CSS length. */
  height?: string
  className?: string
}

const ROW = 22 // pixels; the style sheet says so too
const MARGIN = 12 // rows beyond what is seen

/** Lines outside of React: a burst of thousands is one render. */
class Lines {
  list: LogEntry[] = []
  private scheduled = false
  private readonly changes = new Set<() => void>()
  private count = 0
  /** Of what was given: it may come once more as a message. */
  private given = new Set<string>()

  constructor(
    private readonly limit: number,
    initial: readonly LogEntry[],
  ) {
    this.give(initial)
  }

  give(lines: readonly LogEntry[]): void {
    const known = new Set(this.list.map(({ id }) => id))
    const others = lines.filter(({ id }) => !known.has(id))
    this.given = new Set(lines.map(({ id }) => id))
    if (!others.length) return
    this.list = [...this.list, ...others].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    this.tell()
  }

  subscribe = (changed: () => void): (() => void) => {
    this.changes.add(changed)
    return () => void this.changes.delete(changed)
  }

  add = (message: Message): void => {
    const data = message.data as Record<string, any>
    if (!data || typeof data.message !== 'string') return
    if (message.message_id !== undefined && this.given.has(message.message_id)) return
    this.list.push({
      id: message.message_id ?? `line-${++this.count}`,
      time: data.timestamp ?? message.timestamp ?? '',
      level: LOG_LEVELS.includes(data.level) ? data.level : 'info',
      source: data.source ?? '',
      message: data.message,
    })
    if (this.scheduled) return
    this.scheduled = true
    const frame = (globalThis as { requestAnimationFrame?: (run: () => void) => unknown }).requestAnimationFrame
    const hidden = typeof document !== 'undefined' && document.visibilityState === 'hidden'
    if (frame && !hidden) frame(this.tell)
    else setTimeout(this.tell, 100)
  }

  private tell = (): void => {
    this.scheduled = false
    this.list = this.list.slice(-this.limit) // a new array: that something has changed
    for (const change of [...this.changes]) change()
  }
}

function useLines(
  client: Client,
  room: string | null,
  limit: number,
  initial: readonly LogEntry[],
  since: Position | undefined,
): readonly LogEntry[] {
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const lines = useMemo(() => new Lines(limit, initial), [client, room, limit])
  useEffect(() => lines.give(initial), [lines, initial])
  useRoom(room, { log_message: lines.add, log_entry: lines.add }, { since })
  useEffect(() => {
    if (room !== null) return undefined
    const ends = ['log_message', 'log_entry'].map((type) => client.on(type, lines.add))
    return () => ends.forEach((end) => end())
  }, [client, room, lines])
  return useSyncExternalStore(
    lines.subscribe,
    () => lines.list,
    () => lines.list,
  )
}

const NONE: readonly LogEntry[] = []

export function LogStream({
  room = 'logs',
  limit = 100_000,
  initial = NONE,
  since,
  height = '24rem',
  className = '',
}: LogStreamProps): ReactNode {
  const { client } = useWebSocket()
  const lines = useLines(client, room, limit, initial, since)
  const [level, setLevel] = useState<LogLevel>('debug')
  const [words, setWords] = useState('')
  const [top, setTop] = useState(0)
  const [follow, setFollow] = useState(true)
  const [view, setView] = useState(400)
  const box = useRef<HTMLDivElement>(null)

  const shown = useMemo(() => {
    const sought = words.trim().toLowerCase()
    const least = LOG_LEVELS.indexOf(level)
    if (!sought && least === 0) return lines
    return lines.filter(
      (line) =>
        LOG_LEVELS.indexOf(line.level) >= least &&
        (!sought || `${line.source} ${line.message}`.toLowerCase().includes(sought)),
    )
  }, [lines, words, level])

  const counts = useMemo(() => {
    const found = Object.fromEntries(LOG_LEVELS.map((each) => [each, 0])) as Record<LogLevel, number>
    for (const line of lines) found[line.level]++
    return found
  }, [lines])

  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [follow, shown])

  useEffect(() => {
    if (!box.current || typeof ResizeObserver === 'undefined') return undefined
    const observer = new ResizeObserver(([entry]) => setView(entry.contentRect.height))
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [])

  const scrolled = (event: UIEvent<HTMLDivElement>) => {
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
    setTop(scrollTop)
    setFollow(scrollHeight - scrollTop - clientHeight < 2 * ROW)
  }

  const first = Math.max(0, Math.floor(top / ROW) - MARGIN)
  const last = Math.min(shown.length, Math.ceil((top + view) / ROW) + MARGIN)

  return (
    <section className={`wsm-card wsm-log ${className}`} aria-label="Log">
      <div className="wsm-row wsm-tools">
        <div className="wsm-row wsm-grow" role="group" aria-label="Least level">
          {LOG_LEVELS.map((each) => (
            <button
              key={each}
              type="button"
              className={`wsm-level wsm-${each}`}
              aria-pressed={level === each}
              onClick={() => setLevel(each)}
            >
              {each} <span className="wsm-number">{counts[each]}</span>
            </button>
          ))}
        </div>
        <input
          type="search"
          value={words}
          placeholder="Find"
          aria-label="Find in the log"
          onChange={(event) => setWords(event.target.value)}
        />
        {!follow && (
          <button type="button" className="wsm-button" onClick={() => setFollow(true)}>
            Follow
          </button>
        )}
      </div>
      <div
        className="wsm-lines"
        ref={box}
        style={{ height }}
        onScroll={scrolled}
        role="log"
        aria-live="off"
        aria-label={`${shown.length} lines`}
        tabIndex={0}
      >
        <div style={{ height: shown.length * ROW, position: 'relative' }}>
          <div style={{ position: 'absolute', insetInline: 0, top: first * ROW }}>
            {shown.slice(first, last).map((line) => (
              <div key={line.id} className={`wsm-line wsm-${line.level}`} title={line.message}>
                <time dateTime={line.time}>{line.time.slice(11, 19)}</time>
                <b>{line.level}</b>
                <span>{line.source}</span>
                <span className="wsm-grow">{line.message}</span>
              </div>
            ))}
          </div>
        </div>
      </div>
    </section>
  )
}
