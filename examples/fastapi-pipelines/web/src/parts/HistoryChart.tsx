// Three minutes of one figure: an area, ticks for what happened, and a cursor that the pointer or the arrow keys move.

import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'

export interface Sample {
  /** Unix seconds. */
  at: number
  value: number
  /** How often something happened in that second. */
  events?: number
}

export interface HistoryChartProps {
  title: string
  samples: readonly Sample[]
  /** Unix seconds: the right edge. */
  now: number
  height: number
  /** A count stays until the next one; a measure goes on in between. */
  stepped?: boolean
  digits?: number
  /** The word for `events`. */
  event?: string
  tone?: 'accent' | 'info'
  /** Unix seconds that the cursor is at, shared by charts that stand below each other; null: nowhere. */
  cursor: number | null
  setCursor: (at: number | null) => void
}

export const SPAN = 180
const HOLE = 5 // seconds without a sample: nothing is known of them
const LEFT = 34
const RIGHT = 6
const TOP = 8
const BOTTOM = 8

/** The next 1, 2 or 5 times a power of ten that is divided into two whole steps. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  return [2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= value) ?? 10 * power
}

function useWidth() {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(600)
  useEffect(() => {
    if (!box.current) return undefined
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(200, entry.contentRect.width)))
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
  return [box, width] as const
}

export function HistoryChart(props: HistoryChartProps): ReactNode {
  const { title, samples, now, height, stepped = false, digits = 0, event, tone = 'accent', cursor, setCursor } = props
  const [box, width] = useWidth()
  const seen = samples.filter(({ at }) => at > now - SPAN)
  const most = Math.max(0, ...seen.map(({ value }) => value))
  const top = ceiling(Math.max(most, 2))
  const x = (at: number) => LEFT + Math.min(1, Math.max(0, 1 - (now - at) / SPAN)) * (width - LEFT - RIGHT)
  const y = (value: number) => TOP + (1 - value / top) * (height - TOP - BOTTOM)
  const floor = y(0)

  const runs: Sample[][] = []
  for (const sample of seen) {
    const run = runs[runs.length - 1]
    if (run && sample.at - run[run.length - 1].at <= HOLE) run.push(sample)
    else runs.push([sample])
  }
  const lines = runs.map((run) => {
    const end = run[run.length - 1]
    const until = Math.min(now, end.at + (now - end.at <= HOLE ? now - end.at : 1))
    const points = run.map(({ at, value }, i) =>
      i === 0
        ? `M${x(at).toFixed(1)} ${y(value).toFixed(1)}`
        : stepped
          ? `H${x(at).toFixed(1)}V${y(value).toFixed(1)}`
          : `L${x(at).toFixed(1)} ${y(value).toFixed(1)}`,
    )
    const line = `${points.join('')}H${x(until).toFixed(1)}`
    return { line, area: `${line}V${floor}H${x(run[0].at).toFixed(1)}Z` }
  })

  const near = cursor === null ? null : nearest(seen, cursor)
  const latest = seen[seen.length - 1]
  const move = (pointer: PointerEvent<HTMLDivElement>) => {
    const left = pointer.clientX - pointer.currentTarget.getBoundingClientRect().left
    setCursor(now - SPAN * (1 - (left - LEFT) / (width - LEFT - RIGHT)))
  }
  const keys = (key: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key.key]
    if (key.key === 'Escape') setCursor(null)
    if (!step || !seen.length) return
    key.preventDefault()
    const at = near ? seen.indexOf(near) + step : seen.length - 1
    setCursor(seen[Math.min(seen.length - 1, Math.max(0, at))].at)
  }

  return (
    <figure className="history" data-tone={tone}>
      <figcaption>
        <span>{title}</span>
        <b>{near || latest ? (near ?? latest).value.toFixed(digits) : '–'}</b>
        <span className="when">
          {near ? ago(now - near.at) : `at most ${most.toFixed(digits)}`}
          {near && event && near.events ? ` · ${near.events} ${event}${near.events === 1 ? '' : 's'}` : ''}
        </span>
      </figcaption>
      <div
        ref={box}
        className="plot"
        role="group"
        aria-label={`${title}, last three minutes. Now ${latest?.value.toFixed(digits) ?? 'unknown'}, at most ${most.toFixed(digits)}. Arrow keys read single seconds.`}
        tabIndex={0}
        onPointerMove={move}
        onPointerLeave={() => setCursor(null)}
        onKeyDown={keys}
        onBlur={() => setCursor(null)}
      >
        <svg width={width} height={height} aria-hidden="true">
          {[0, top / 2, top].map((value) => (
            <g key={value} className="grid">
              <line x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
              <text x={LEFT - 7} y={y(value)} dy="0.32em" textAnchor="end">
                {value}
              </text>
            </g>
          ))}
          {lines.map(({ line, area }, i) => (
            <g key={i}>
              <path className="area" d={area} />
              <path className="stroke" d={line} />
            </g>
          ))}
          {seen.map(({ at, events }) =>
            events ? <line key={at} className="happened" x1={x(at)} x2={x(at)} y1={floor - 7} y2={floor} /> : null,
          )}
          {near && (
            <g className="cursor">
              <line x1={x(near.at)} x2={x(near.at)} y1={TOP} y2={floor} />
              <circle cx={x(near.at)} cy={y(near.value)} r="3.5" />
            </g>
          )}
        </svg>
      </div>
      <span className="hidden" role="status">
        {near && document.activeElement === box.current ? `${near.value.toFixed(digits)}, ${ago(now - near.at)}` : ''}
      </span>
    </figure>
  )
}

/** The words below charts of the same width. */
export function TimeAxis(): ReactNode {
  return (
    <div className="axis" aria-hidden="true">
      <span>3 min ago</span>
      <span>2</span>
      <span>1</span>
      <span>now</span>
    </div>
  )
}

function nearest(samples: readonly Sample[], at: number): Sample | null {
  let best: Sample | null = null
  for (const sample of samples) if (!best || Math.abs(sample.at - at) < Math.abs(best.at - at)) best = sample
  return best && Math.abs(best.at - at) <= HOLE ? best : null
}

function ago(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 2) return 'now'
  return whole < 60 ? `${whole} s ago` : `${Math.floor(whole / 60)} min ${whole % 60} s ago`
}
