'use client'

import { useEffect, useState } from 'react'
import { useWebSocket } from 'ws_manager/react'
import type { Sample } from '@/lib/types'

const WIDTH = 300
const HEIGHT = 64
const SHOWN_MS = 120_000

interface Line {
  name: string
  value: string
  unit: string
  of: (sample: Sample) => number
  top: number // value at the upper edge
  tone: string
}

// Figures are sent for the moment and not kept: a page that was away shows a hole.
export function Machine({ initial }: { initial: Sample[] }) {
  const [samples, setSamples] = useState(initial)
  useEffect(() => setSamples(initial), [initial])
  useWebSocket(
    {},
    {
      machine: ({ data }: { data: Sample }) =>
        setSamples((old) => [...old.filter((each) => each.at > data.at - SHOWN_MS && each.at < data.at), data]),
    },
  )
  const last = samples.at(-1)
  const traffic = (sample: Sample) => (sample.received + sample.sent) / 1000
  const gigabytes = (megabytes: number) => (megabytes / 1024).toFixed(1)
  const lines: Line[] = [
    {
      name: 'Processor',
      value: last ? last.cpu.toFixed(0) : '–',
      unit: '%',
      of: (sample) => sample.cpu,
      top: 100,
      tone: 'blue',
    },
    {
      name: 'Memory',
      value: last ? gigabytes(last.memory) : '–',
      unit: last ? `/ ${gigabytes(last.memoryTotal)} GB` : 'GB',
      of: (sample) => sample.memory,
      top: last?.memoryTotal ?? 1,
      tone: 'violet',
    },
    {
      name: 'Network',
      value: last ? Math.round(traffic(last)).toLocaleString('en') : '–',
      unit: 'kB/s',
      of: traffic,
      top: Math.max(1, ...samples.map(traffic)) * 1.1,
      tone: 'green',
    },
  ]
  return (
    <section className="machine" aria-label="Machine">
      {lines.map((line) => (
        <figure key={line.name} className="panel tile">
          <figcaption>{line.name}</figcaption>
          <p className="value" data-testid={line.name.toLowerCase()}>
            {line.value} <small>{line.unit}</small>
          </p>
          <Chart line={line} samples={samples} />
        </figure>
      ))}
    </section>
  )
}

function Chart({ line, samples }: { line: Line; samples: Sample[] }) {
  const end = samples.at(-1)?.at ?? 0
  const shown = samples.filter((sample) => sample.at > end - SHOWN_MS)
  if (shown.length < 2) return <div className="chart empty">waiting for figures</div>
  const x = (sample: Sample) => (WIDTH - ((end - sample.at) * WIDTH) / SHOWN_MS).toFixed(1)
  const y = (sample: Sample) =>
    (HEIGHT - 1 - (Math.min(line.of(sample), line.top) / line.top) * (HEIGHT - 4)).toFixed(1)
  const path = shown.map((sample) => `${x(sample)},${y(sample)}`).join(' ')
  const gradient = `fill-${line.name}`
  return (
    <svg
      className={`chart ${line.tone}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${line.name}, the last two minutes`}
    >
      <linearGradient id={gradient} x1="0" y1="0" x2="0" y2="1">
        <stop offset="0" stopColor="currentColor" stopOpacity="0.28" />
        <stop offset="1" stopColor="currentColor" stopOpacity="0" />
      </linearGradient>
      <polygon points={`${x(shown[0])},${HEIGHT} ${path} ${WIDTH},${HEIGHT}`} fill={`url(#${gradient})`} />
      <polyline points={path} />
    </svg>
  )
}
