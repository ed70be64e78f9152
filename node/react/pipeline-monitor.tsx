'use client'
// PipelineMonitor: one computer-vision pipeline, live: status, frames, what was counted, errors.

import { useEffect, useReducer, type ReactNode } from 'react'
import type { Message } from '../client/index.js'
import { ActionButton, useAction, type Action } from './action.js'
import { classOf, Fields, figure, isObject, numberOf, textOf } from './fields.js'
import { guarded } from './guard.js'
import { useWebSocket } from './hooks.js'

export interface PipelineFigure {
  label: string
  value: ReactNode
  /** Draws the eye to it. */
  tone?: 'ok' | 'warn' | 'bad'
}

export interface PipelineMonitorProps {
  pipelineId: string
  name?: string
  /** One line below the name. */
  about?: ReactNode
  /** Where the name leads. */
  href?: string
  /** Above everything else: a live picture, say. */
  picture?: ReactNode
  /** What is known of it, if that is kept elsewhere: then the component listens to no events. */
  state?: Partial<PipelineState>
  /** In place of frames per second and so on. The first one is the headline. */
  figures?: readonly PipelineFigure[]
  /** What the line shows, if it is not frames per second. */
  historyLabel?: string
  /** What returns a promise is pending until it is settled; why it failed is shown. */
  onStart?: Action
  onStop?: Action
  onRestart?: Action
  /** Nothing can be done now: there is no connection, say. */
  disabled?: boolean
  className?: string
  /** More buttons, beside the others. */
  children?: ReactNode
}

export interface PipelineState {
  status: string
  fps: number | null
  frameId: number | null
  detections: number | null
  /** Milliseconds for one frame. */
  frameTime: number | null
  analytics: Record<string, Record<string, any>>
  error: string | null
  /** Frames per second, the last minute or so. */
  history: readonly number[]
}

const EMPTY: PipelineState = {
  status: 'unknown',
  fps: null,
  frameId: null,
  detections: null,
  frameTime: null,
  analytics: {},
  error: null,
  history: [],
}
const POINTS = 60
const EVENTS = [
  'pipeline_update',
  'pipeline_status_update',
  'pipeline_frame_update',
  'pipeline_analytics_update',
  'pipeline_error_update',
] as const

/** Nodes whose counts are kept; those that were heard of least recently go first. */
const MAX_NODES = 50

type Change = (state: PipelineState) => Partial<PipelineState>

/** What a message changes; null: nothing. */
function changeOf(type: string, event: Fields): Change | null {
  switch (type) {
    case 'pipeline_update':
    case 'pipeline_status_update': {
      const status = event.text('status', 'needed')
      const problem = event.inner('detailed_status').text('error_message') ?? event.text('error')
      return (state) => ({
        status: status ?? state.status,
        error: problem ?? (status === 'running' ? null : state.error),
      })
    }
    case 'pipeline_frame_update': {
      const frame = event.inner('frame_data', 'needed')
      const fps = frame.num('fps', 'needed')
      const seconds = frame.num('processing_time', 'needed')
      const now = {
        fps,
        frameId: frame.num('frame_id', 'needed'),
        detections: frame.num('detections_count', 'needed'),
        frameTime: seconds === null ? null : numberOf(seconds * 1000),
      }
      return ({ history }) => ({ ...now, history: fps === null ? history : [...history.slice(1 - POINTS), fps] })
    }
    case 'pipeline_analytics_update': {
      const counted = countsOf(event.inner('analytics', 'needed'))
      return counted && (({ analytics }) => ({ analytics: withNode(analytics, ...counted) }))
    }
    case 'pipeline_error_update': {
      const error = event.text('error_message', 'needed') ?? 'It failed'
      return () => ({ error })
    }
    default:
      return null
  }
}

function countsOf(analytics: Fields): [node: string, counts: Record<string, any>] | null {
  const node = analytics.text('node_id', 'needed')
  if (node === null) return null
  const counts: Record<string, any> = { ...analytics.raw, node_id: node }
  for (const name of ['node_type', 'trend']) counts[name] = analytics.text(name)
  for (const name of ['people_count', 'new_crossings', 'total_crossings', 'new_intrusions', 'active_zones'])
    counts[name] = analytics.num(name)
  return [node, counts]
}

function withNode(all: PipelineState['analytics'], node: string, counts: Record<string, any>) {
  const entries = Object.entries(all)
  const others = Object.hasOwn(all, node) || entries.length < MAX_NODES ? entries : entries.slice(1)
  return Object.fromEntries([...others, [node, counts]]) as PipelineState['analytics']
}

/** What an application hands over, without what can't be shown. */
function stateOf(given: Partial<PipelineState>): PipelineState {
  const { status, fps, frameId, detections, frameTime, analytics, error, history } = given
  return {
    status: textOf(status) ?? EMPTY.status,
    fps: numberOf(fps),
    frameId: numberOf(frameId),
    detections: numberOf(detections),
    frameTime: numberOf(frameTime),
    analytics: isObject(analytics) ? analytics : EMPTY.analytics,
    error: textOf(error),
    history: Array.isArray(history) ? history : EMPTY.history,
  }
}

/** What is known of a pipeline from its events. */
export function usePipeline(pipelineId: string): PipelineState {
  const { client } = useWebSocket()
  const [state, take] = useReducer((old: PipelineState, change: Change) => ({ ...old, ...change(old) }), EMPTY)
  useEffect(() => {
    const hear = ({ type, data }: Message): void => {
      const event = Fields.of(data, type)
      if (event.text('pipeline_id', 'needed') !== String(pipelineId)) return
      const change = changeOf(type, event)
      if (change) take(change)
    }
    const ends = EVENTS.map((type) => client.on(type, hear))
    return () => ends.forEach((end) => end())
  }, [client, pipelineId])
  return state
}

const WORDS: [member: string, label: string][] = [
  ['people_count', 'people'],
  ['total_crossings', 'crossings'],
  ['new_intrusions', 'intrusions'],
  ['active_zones', 'zones in use'],
]

const GOING = new Set(['running', 'starting', 'processing', 'started'])

export const PipelineMonitor = /* @__PURE__ */ guarded('PipelineMonitor', Pipeline)

function Pipeline(props: PipelineMonitorProps): ReactNode {
  return props.state ? <Monitor {...props} state={stateOf(props.state)} /> : <Listening {...props} />
}

function Listening(props: PipelineMonitorProps): ReactNode {
  return <Monitor {...props} state={usePipeline(props.pipelineId)} />
}

function Monitor({
  pipelineId,
  name = pipelineId,
  about,
  href,
  picture,
  state,
  figures,
  historyLabel = 'Frames per second',
  onStart,
  onStop,
  onRestart,
  disabled,
  className = '',
  children,
}: PipelineMonitorProps & { state: PipelineState }): ReactNode {
  const action = useAction()
  const going = GOING.has(state.status)
  const shown: readonly PipelineFigure[] = figures ?? [
    { label: 'frames/s', value: figure(state.fps, 1) },
    { label: 'frame', value: figure(state.frameId) },
    { label: 'found', value: figure(state.detections) },
    { label: 'per frame', value: state.frameTime === null ? '–' : `${figure(state.frameTime)} ms` },
  ]
  const button = { with: action, disabled, of: name }
  const error = action.error ?? state.error
  const word = classOf(state.status)
  const badge = (
    <span className={`wsm-badge wsm-is-${word}`} role="status">
      {state.status}
    </span>
  )
  // One button, whatever it does now: the keyboard's focus stays on it.
  const main = going
    ? onStop && { label: 'Stop', action: onStop }
    : onStart && state.status !== 'error'
      ? { label: 'Start', action: onStart }
      : onRestart && { label: 'Restart', action: onRestart }
  return (
    <section
      className={`wsm-card wsm-pipeline wsm-is-${word} ${className}`}
      aria-label={`Pipeline ${name}`}
      data-status={state.status}
    >
      <div className="wsm-pipeline-body">
        {picture && (
          <div className="wsm-picture">
            {picture}
            {badge}
            {href && <a href={href} tabIndex={-1} aria-hidden="true" />}
          </div>
        )}
        <div className="wsm-pipeline-head">
          <strong className="wsm-title">{href ? <a href={href}>{name}</a> : name}</strong>
          {!picture && badge}
          {about && <p className="wsm-about">{about}</p>}
        </div>
        <dl className={`wsm-figures ${figures ? 'wsm-own' : ''}`}>
          {shown.map(({ label, value, tone }) => (
            <div key={label} data-tone={tone}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </div>
      <Sparkline values={state.history} label={historyLabel} />
      {!figures &&
        Object.entries(state.analytics).map(([node, counted]) => (
          <p key={node} className="wsm-row wsm-dim">
            <span className="wsm-grow">{node}</span>
            {WORDS.filter(([member]) => numberOf(counted?.[member]) !== null).map(([member, label]) => (
              <span key={member} className="wsm-number">
                {figure(counted[member])} {label}
              </span>
            ))}
          </p>
        ))}
      {error && (
        <p className="wsm-problem" role="alert">
          {error}
        </p>
      )}
      {(onStart || onStop || onRestart || children) && (
        <div className="wsm-row wsm-actions">
          {main && (
            <ActionButton action={main.action} label={main.label} className={going ? '' : 'wsm-primary'} {...button} />
          )}
          {going && onStart && onRestart && <ActionButton action={onRestart} label="Restart" {...button} />}
          {children}
        </div>
      )}
    </section>
  )
}

export function Sparkline({ values, label }: { values: readonly number[]; label: string }): ReactNode {
  const drawn = values.filter((value) => numberOf(value) !== null && Math.abs(value) < 1e12)
  if (drawn.length < 2) return <div className="wsm-spark" aria-hidden="true" />
  const top = drawn.reduce((most, value) => Math.max(most, value), 1e-9) * 1.1
  const points = drawn
    .map((value, i) => `${((100 * i) / (drawn.length - 1)).toFixed(2)},${(30 - (30 * value) / top).toFixed(2)}`)
    .join(' ')
  return (
    <svg className="wsm-spark" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label={label}>
      <polygon points={`0,30 ${points} 100,30`} />
      <polyline points={points} />
    </svg>
  )
}
