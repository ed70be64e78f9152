// One pipeline in depth: the whole picture, what each node says, three minutes of history, errors, and its own log.

import { useEffect, useState, type ReactNode } from 'react'
import { LogStream, useRoom, useWebSocket } from 'ws_manager/react'
import { useCommand, usePending } from '../commands'
import { serverNow, useNow } from '../connection'
import { Frame } from '../parts/Frame'
import { HistoryChart, TimeAxis } from '../parts/HistoryChart'
import { Icon } from '../parts/Icon'
import { Nodes } from '../parts/Nodes'
import { usePipeline, usePipelines } from '../pipelines'
import { hrefOf } from '../route'
import type { Picture, Pipeline } from '../types'
import { figuresOf } from './Overview'

export function PipelineView({ id }: { id: string }): ReactNode {
  const pipeline = usePipeline(id)
  if (!pipeline)
    return (
      <div className="missing">
        <h1>There is no pipeline “{id}”</h1>
        <p>
          <a href="#/">All pipelines</a>
        </p>
      </div>
    )
  return <Depth pipeline={pipeline} />
}

function Depth({ pipeline }: { pipeline: Pipeline }): ReactNode {
  const { id, name, about, status, detailed_status: detailed } = pipeline
  const picture = useWholePicture(id)
  useEffect(() => {
    document.title = `${status === 'error' ? '⚠ ' : ''}${name} · Pipelines`
  }, [name, status])
  return (
    <div className="depth">
      <header className="depth-head">
        <nav className="row" aria-label="Pipelines">
          <a className="square" href="#/" aria-label="All pipelines">
            <Icon name="back" />
          </a>
          <div>
            <h1>{name}</h1>
            <p className="hint">{about}</p>
          </div>
        </nav>
        <Neighbours id={id} />
        <Actions pipeline={pipeline} />
      </header>
      <section className="panel picture-panel" aria-label="Live picture">
        <Frame
          large
          picture={status === 'running' ? (picture ?? pipeline.preview) : pipeline.preview}
          status={status}
          words={detailed.error_message}
          fps={detailed.stats.fps}
        />
      </section>
      <section className="panel now" aria-label="Now">
        <dl className="facts-row">
          {figuresOf(pipeline).map(({ label, value, tone }) => (
            <div key={label} data-tone={tone}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <Run pipeline={pipeline} />
      </section>
      <Nodes pipeline={pipeline} />
      <History pipeline={pipeline} />
      <Errors pipeline={pipeline} />
      <LogStream className="depth-log" find={`demo.${id}`} height="17rem" />
    </div>
  )
}

/** Pictures of full size, each frame: the server makes them for those who are in this room. */
function useWholePicture(id: string): Picture | null {
  const [picture, setPicture] = useState<Picture | null>(null)
  useRoom(`picture:${id}`, { pipeline_picture: ({ data }) => setPicture(data as Picture) })
  return picture
}

function Neighbours({ id }: { id: string }): ReactNode {
  const pipelines = usePipelines()
  return (
    <nav className="tabs" aria-label="Other pipelines">
      {pipelines.map((each) => (
        <a
          key={each.id}
          href={hrefOf(each.id)}
          aria-current={each.id === id ? 'page' : undefined}
          data-status={each.status}
        >
          <i className="lamp" aria-hidden="true" />
          {each.name}
        </a>
      ))}
    </nav>
  )
}

function Actions({ pipeline: { id, status } }: { pipeline: Pipeline }): ReactNode {
  const { isConnected } = useWebSocket()
  const command = useCommand()
  const { pending, error, run } = usePending()
  const [doing, setDoing] = useState('')
  const going = status === 'running' || status === 'starting'
  const main = going ? 'Stop' : status === 'error' ? 'Restart' : 'Start'
  const act = (label: string) => () => {
    if (pending) return
    setDoing(label)
    void run(() => command(`${label.toLowerCase()}_pipeline`, { pipeline_id: id }))
  }
  const button = (label: string, of = label, primary = false) => (
    <button
      type="button"
      className={`wsm-button ${primary ? 'wsm-primary' : ''}`}
      disabled={!isConnected}
      aria-disabled={pending || undefined}
      aria-busy={(pending && doing === label) || undefined}
      title={of}
      onClick={act(label)}
    >
      {label}
    </button>
  )
  return (
    <div className="actions">
      <span className={`wsm-badge wsm-is-${status}`} role="status" data-testid="status">
        {status}
      </span>
      {button(main, `${main} this pipeline`, !going)}
      {going && button('Restart', 'Stop it, and start it')}
      {going && button('Break', 'Make its next frame fail')}
      {error && (
        <p className="problem" role="alert">
          {error}
        </p>
      )}
    </div>
  )
}

function Run({ pipeline: { status, detailed_status: detailed } }: { pipeline: Pipeline }): ReactNode {
  useNow(1000)
  const { stats, last_frame_time: last } = detailed
  const running = status === 'running'
  const now = serverNow()
  const facts: [string, string][] = [
    ['Frames', stats.frames_processed.toLocaleString('en')],
    ['Skipped', stats.frames_skipped.toLocaleString('en')],
    ['Frames / s', running ? stats.fps.toFixed(1) : '–'],
    ['Running for', running && stats.started_at ? span(now - stats.started_at) : '–'],
    ['Last frame', last ? `${span(Math.max(0, now - last))} ago` : '–'],
  ]
  return (
    <dl className="facts">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function span(seconds: number): string {
  const whole = Math.floor(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`
}

function History({ pipeline: { history, counts, headline } }: { pipeline: Pipeline }): ReactNode {
  useNow(1000)
  const now = serverNow()
  const [cursor, setCursor] = useState<number | null>(null)
  const event = headline === 'line' ? 'crossing' : headline === 'zone' ? 'intrusion' : undefined
  const people = history.map(([at, value, events], i) => ({
    at,
    value,
    // Counted up by the server: fewer than before is a new run.
    events: i ? Math.max(0, events - history[i - 1][2]) : 0,
  }))
  const rates = history.map(([at, , , value]) => ({ at, value }))
  const shared = { now, cursor, setCursor }
  return (
    <section className="panel charts" aria-label="History">
      <HistoryChart
        {...shared}
        title={counts === 'people' ? 'People in view' : 'Moving things in view'}
        samples={people}
        height={150}
        event={event}
        stepped
      />
      <HistoryChart {...shared} title="Frames per second" samples={rates} height={84} digits={1} tone="info" />
      <TimeAxis />
    </section>
  )
}

function Errors({ pipeline: { errors, name } }: { pipeline: Pipeline }): ReactNode {
  return (
    <section className="panel errors" aria-labelledby="errors-title">
      <h2 id="errors-title">Errors</h2>
      {!errors.length && <p className="hint">{name} has not failed since the server was started.</p>}
      <ol>
        {[...errors].reverse().map(({ time, message, severity }) => (
          <li key={`${time} ${message}`}>
            <time dateTime={new Date(time * 1000).toISOString()}>
              {new Date(time * 1000).toLocaleTimeString([], { hour12: false })}
            </time>
            <b>{severity}</b>
            <span>{message}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
