import type { Sample } from '@/lib/types'

const WIDTH = 240
const HEIGHT = 56

interface Line {
  name: string
  value: string
  unit: string
  points: number[]
  top: number // value at the upper edge
  tone: string
}

export function Machine({ samples }: { samples: Sample[] }) {
  const last = samples.at(-1)
  const network = samples.map((sample) => (sample.received + sample.sent) / 1000)
  const gigabytes = (megabytes: number) => (megabytes / 1024).toFixed(1)
  const lines: Line[] = [
    {
      name: 'Processor',
      value: last ? last.cpu.toFixed(0) : '–',
      unit: '%',
      points: samples.map((sample) => sample.cpu),
      top: 100,
      tone: 'accent',
    },
    {
      name: 'Memory',
      value: last ? gigabytes(last.memory) : '–',
      unit: last ? `of ${gigabytes(last.memoryTotal)} GB` : 'GB',
      points: samples.map((sample) => sample.memory),
      top: last?.memoryTotal ?? 1,
      tone: 'info',
    },
    {
      name: 'Network',
      value: network.length ? thousands(network.at(-1) ?? 0) : '–',
      unit: 'kB/s',
      points: network,
      top: Math.max(1, ...network) * 1.1,
      tone: 'ok',
    },
  ]
  return (
    <section className="panel machine" aria-labelledby="machine">
      <h2 id="machine">Machine</h2>
      <div className="tiles">
        {lines.map((line) => (
          <figure key={line.name} className="tile">
            <figcaption>{line.name}</figcaption>
            <p className="value" data-testid={line.name.toLowerCase()}>
              {line.value} <small>{line.unit}</small>
            </p>
            <Spark line={line} />
          </figure>
        ))}
      </div>
    </section>
  )
}

function Spark({ line }: { line: Line }) {
  const at = (value: number, i: number): string => {
    const x = WIDTH - (line.points.length - 1 - i) * (WIDTH / 119)
    const y = HEIGHT - 2 - (Math.min(value, line.top) / line.top) * (HEIGHT - 4)
    return `${x.toFixed(1)},${y.toFixed(1)}`
  }
  if (line.points.length < 2) return <div className="spark empty">waiting for figures</div>
  const path = line.points.map(at).join(' ')
  const start = at(line.points[0], 0).split(',')[0]
  return (
    <svg
      className={`spark ${line.tone}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${line.name}, the last two minutes`}
    >
      <polygon points={`${start},${HEIGHT} ${path} ${WIDTH},${HEIGHT}`} />
      <polyline points={path} />
    </svg>
  )
}

const thousands = (value: number): string => Math.round(value).toLocaleString('en')
