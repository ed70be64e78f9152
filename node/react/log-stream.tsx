'use client'
// LogStream: log messages as they come. Only the lines in view are in the document, so that 100,000 of them scroll like ten.

import {
  memo,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
  type KeyboardEvent,
  type ReactNode,
} from 'react'
import type { Position } from '../client/index.js'
import { guarded } from './guard.js'
import { useWebSocket } from './hooks.js'
import { attend, LOG_LEVELS, Lines, type Line, type LogEntry, type LogLevel } from './log-lines.js'
import { useRoom } from './room.js'
import { useClock } from './time.js'

export interface LogStreamProps {
  /** Room of the messages; `logs` if not given, null for those that come without being asked for. */
  room?: string | null
  /** Lines kept; the oldest go first. 100,000. */
  limit?: number
  /** Lines that were there before. If not given, the room's history is asked for them. Others later are added to those that are shown. */
  initial?: readonly LogEntry[]
  /** Where the room stood when `initial` was taken (`position()` of the server): it goes on from there, without a gap. */
  since?: Position
  /** How many lines of the room's history are asked for at the beginning, and after a gap: 200; 0 for none. */
  history?: number
  /** What is found at first: text of the source or message. */
  find?: string
  /** CSS length. */
  height?: string
  title?: string
  className?: string
}

const ROW = 22 // pixels; the style sheet says so too
const MARGIN = 24 // rows beyond what is seen
const NONE: readonly LogEntry[] = []

const useBrowserLayoutEffect = typeof window === 'undefined' ? useEffect : useLayoutEffect

/** Where the list is scrolled to. A store outside of React is drawn before the next picture, so that fast scrolling shows no blank. */
class Scroll {
  private top = 0
  private readonly changes = new Set<() => void>()

  get = (): number => this.top

  set(top: number): void {
    if (top === this.top) return
    this.top = top
    for (const change of this.changes) change()
  }

  subscribe = (changed: () => void): (() => void) => {
    this.changes.add(changed)
    return () => void this.changes.delete(changed)
  }
}

function textOf({ time, level, source, message }: Line): string {
  return [time, level.toUpperCase(), source, message].filter(Boolean).join(' ')
}

/** Copies where the browser lets us: secure pages and localhost. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

export const LogStream = /* @__PURE__ */ guarded('LogStream', Log)

function Log({
  room = 'logs',
  limit = 100_000,
  initial: given,
  since,
  history = 200,
  find = '',
  height = '24rem',
  title = 'Log',
  className = '',
}: LogStreamProps): ReactNode {
  const { client } = useWebSocket()
  const clock = useClock()
  const initial = Array.isArray(given) ? (given as readonly LogEntry[]) : NONE
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const lines = useMemo(() => new Lines(limit, initial), [client, room, limit])
  useEffect(() => lines.give(initial), [lines, initial])
  useRoom(room, { log_message: lines.add }, { since })
  const [begin] = useState(!initial.length && !since)
  useEffect(() => attend(client, lines, room, history, begin), [client, lines, room, history, begin])
  const { shown, counts, total } = useSyncExternalStore(
    lines.subscribe,
    () => lines.view,
    () => lines.view,
  )

  const [level, setLevel] = useState<LogLevel>('debug')
  const [words, setWords] = useState(find)
  useBrowserLayoutEffect(() => lines.want({ level, words }), [lines, level, words])

  /** What was shown when one began to read further up: it stays as it is until one comes back. */
  const [held, setHeld] = useState<readonly Line[] | null>(null)
  useEffect(() => setHeld(null), [lines, level, words])
  const seen = held ?? shown
  const newer = held ? Math.max(0, shown.length - held.length) : 0

  const box = useRef<HTMLDivElement>(null)
  const [scroll] = useState(() => new Scroll())
  const top = useSyncExternalStore(scroll.subscribe, scroll.get, scroll.get)
  const [view, setView] = useState(400)
  useBrowserLayoutEffect(() => {
    if (!held && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [held, shown, view])
  useEffect(() => {
    if (!box.current || typeof ResizeObserver === 'undefined') return undefined
    const observer = new ResizeObserver(([entry]) => setView(entry.contentRect.height))
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
  const scrolled = ({ scrollTop, scrollHeight, clientHeight }: HTMLElement) => {
    scroll.set(Math.floor(scrollTop / ROW) * ROW)
    const atEnd = scrollHeight - scrollTop - clientHeight < ROW
    // A longer list scrolls too, before it has been followed: only what moves up is a person.
    if (atEnd && !chosen) setHeld(null)
    else if (!atEnd && scrollTop < last.current) setHeld((now) => now ?? shown)
    last.current = scrollTop
  }
  const last = useRef(0)

  const [chosen, setChosen] = useState<Line | null>(null)
  const latest = useRef(shown)
  useEffect(() => {
    latest.current = shown
  }, [shown])
  const choose = useCallback((line: Line | null) => {
    setChosen(line)
    if (line) setHeld((now) => now ?? latest.current)
  }, [])
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && chosen) return choose(null)
    if (event.key === 'End') return setHeld(null)
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (!step || !seen.length) return
    event.preventDefault()
    const at = chosen ? seen.indexOf(chosen) : -1
    const next = at < 0 ? Math.min(seen.length - 1, Math.ceil((top + view) / ROW) - 1) : at + step
    const line = seen[Math.min(seen.length - 1, Math.max(0, next))]
    choose(line)
    const y = seen.indexOf(line) * ROW
    if (!box.current) return
    if (y < box.current.scrollTop) box.current.scrollTop = y
    else if (y + ROW > box.current.scrollTop + view) box.current.scrollTop = y + ROW - view
  }

  const [copied, setCopied] = useState('')
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(''), 2000)
    return () => clearTimeout(timer)
  }, [copied])
  const copyLines = async (some: readonly Line[]) =>
    setCopied((await copy(some.map(textOf).join('\n'))) ? 'Copied' : 'Not allowed')

  const first = Math.max(0, top / ROW - MARGIN)
  const end = Math.min(seen.length, Math.ceil((top + view) / ROW) + MARGIN)

  return (
    <section className={`wsm-card wsm-log ${className}`} aria-label={title}>
      <div className="wsm-tools">
        <strong className="wsm-title">{title}</strong>
        <input
          type="search"
          value={words}
          placeholder="Find"
          aria-label={`Find in ${title}`}
          onChange={(event) => setWords(event.target.value)}
        />
        <span className="wsm-buttons">
          <button
            type="button"
            className="wsm-button"
            aria-pressed={held !== null}
            onClick={() => (setChosen(null), setHeld(held ? null : shown))}
          >
            {held ? 'Resume' : 'Pause'}
          </button>
          <button
            type="button"
            className="wsm-button"
            disabled={!seen.length}
            title="Copy the lines that are shown"
            onClick={() => void copyLines(seen)}
          >
            {copied || 'Copy'}
          </button>
          <button type="button" className="wsm-button" disabled={!total} onClick={() => (setHeld(null), lines.clear())}>
            Clear
          </button>
        </span>
        <div className="wsm-levels" role="group" aria-label="Least level">
          {LOG_LEVELS.map((each) => (
            <button
              key={each}
              type="button"
              className={`wsm-level wsm-${each}`}
              aria-pressed={level === each}
              data-below={LOG_LEVELS.indexOf(each) < LOG_LEVELS.indexOf(level) || undefined}
              onClick={() => setLevel(each)}
            >
              {each} <span className="wsm-number">{counts[each]}</span>
            </button>
          ))}
        </div>
      </div>
      <div className="wsm-scene" style={{ height }}>
        <div
          className="wsm-lines"
          ref={box}
          onScroll={(event) => scrolled(event.currentTarget)}
          onKeyDown={keys}
          role="log"
          aria-live="off"
          aria-label={`${seen.length} lines`}
          tabIndex={0}
        >
          <div style={{ height: seen.length * ROW, position: 'relative' }}>
            <div style={{ position: 'absolute', insetInline: 0, transform: `translateY(${first * ROW}px)` }}>
              {seen.slice(first, end).map((line) => (
                <Row
                  key={line.id}
                  line={line}
                  time={clock.second(line.time)}
                  chosen={line === chosen}
                  choose={choose}
                />
              ))}
            </div>
          </div>
        </div>
        {!seen.length && <p className="wsm-none">{total ? 'No line matches.' : 'No lines yet.'}</p>}
        {held && (
          <button
            type="button"
            className="wsm-button wsm-newest"
            onClick={() => {
              setChosen(null)
              setHeld(null)
            }}
          >
            Newest{newer ? ` · ${newer} more` : ''}
          </button>
        )}
      </div>
      {chosen && <Detail line={chosen} copy={() => void copyLines([chosen])} close={() => choose(null)} />}
      <span className="wsm-hidden" role="status">
        {copied}
      </span>
    </section>
  )
}

interface RowProps {
  line: Line
  time: string
  chosen: boolean
  choose: (line: Line) => void
}

const Row = memo(function Row({ line, time: shown, chosen, choose }: RowProps): ReactNode {
  const time = <time dateTime={line.time}>{shown}</time>
  if (line.mark)
    return (
      <div className={`wsm-line wsm-mark wsm-${line.mark}`}>
        {time}
        <span className="wsm-grow">{line.message}</span>
      </div>
    )
  return (
    <div
      className={`wsm-line wsm-${line.level}`}
      data-chosen={chosen || undefined}
      title={line.message}
      onClick={() => choose(line)}
    >
      {time}
      <b>{line.level}</b>
      <span className="wsm-source" title={line.source}>
        <bdi>{line.source}</bdi>
      </span>
      <span className="wsm-grow">{line.message}</span>
    </div>
  )
})

function Detail({ line, copy, close }: { line: Line; copy: () => void; close: () => void }): ReactNode {
  const clock = useClock()
  return (
    <div className="wsm-detail" role="region" aria-label="Line">
      <div className="wsm-row wsm-dim">
        <b className={`wsm-word wsm-${line.level}`}>{line.level}</b>
        <span className="wsm-number">{clock.exact(line.time)}</span>
        <span className="wsm-grow">{line.source}</span>
        <button type="button" className="wsm-button" onClick={copy}>
          Copy line
        </button>
        <button type="button" className="wsm-x" aria-label="Close the line" onClick={close}>
          ×
        </button>
      </div>
      <pre>{line.message}</pre>
    </div>
  )
}
