'use client'

import { useEffect, useRef, useState } from 'react'
import type { Level, LogLine } from '@/lib/types'

const LEVELS: Level[] = ['debug', 'info', 'success', 'warning', 'error', 'critical']

export function Log({ lines }: { lines: LogLine[] }) {
  const [from, setFrom] = useState<Level>('debug')
  const [words, setWords] = useState('')
  const list = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  const sought = words.trim().toLowerCase()
  const shown = lines.filter(
    (line) =>
      LEVELS.indexOf(line.level) >= LEVELS.indexOf(from) &&
      `${line.source} ${line.message}`.toLowerCase().includes(sought),
  )

  // Follows the end, unless somebody reads further up.
  useEffect(() => {
    if (atEnd.current && list.current) list.current.scrollTop = list.current.scrollHeight
  }, [shown.length])

  return (
    <section className="panel log" aria-labelledby="log">
      <div className="head">
        <h2 id="log">Log</h2>
        <div className="row">
          <input
            type="search"
            placeholder="Find"
            aria-label="Find in the log"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          <select value={from} onChange={(event) => setFrom(event.target.value as Level)} aria-label="Least level">
            {LEVELS.map((level) => (
              <option key={level} value={level}>
                {level} and above
              </option>
            ))}
          </select>
        </div>
      </div>
      <div
        className="lines"
        ref={list}
        role="log"
        aria-live="off"
        tabIndex={0}
        aria-label="Log lines"
        onScroll={(event) => {
          const box = event.currentTarget
          atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 24
        }}
      >
        {shown.map((line) => (
          <p key={line.id} className={`entry ${line.level}`}>
            <time dateTime={line.at}>{line.at.slice(11, 19)}</time>
            <b>{line.level}</b>
            <span className="source">{line.source}</span>
            <span className="text">{line.message}</span>
          </p>
        ))}
        {!shown.length && <p className="none">No line matches.</p>}
      </div>
    </section>
  )
}
