'use client'
// PipelineMonitor: one computer-vision pipeline, live: status, frames, what was counted, errors.

import { useEffect, useReducer, type ReactNode } from 'react'
import type { Message } from '../client/index.js'
import { ActionButton, useAction, type Action } from './action.js'
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

function reduce(state: PipelineState, { type, data }: Message): PipelineState {
  const event = data as Record<string, any>
  switch (type) {
    case 'pipeline_update':
    case 'pipeline_status_update':
      return {
        ...state,
        status: String(event.status),
        error: event.detailed_status?.error_message ?? event.error ?? (event.status === 'running' ? null : state.error),
      }
    case 'pipeline_frame_update': {
      const frame = event.frame_data as Record<string, number>
      return {
        ...state,
        fps: frame.fps,
        frameId: frame.frame_id,
        detections: frame.detections_count,
        frameTime: frame.processing_time * 1000,
        history: [...state.history.slice(1 - POINTS), frame.fps],
      }
    }
    case 'pipeline_analytics_update':
      return { ...state, analytics: { ...state.analytics, [String(event.analytics.node_id)]: event.analytics } }
    case 'pipeline_error_update':
      return { ...state, error: String(event.error_message) }
    default:
      return state
  }
}

/** What is known of a pipeline from its events. */
export function usePipeline(pipelineId: string): PipelineState {
  const { client } = useWebSocket()
  const [state, take] = useReducer(reduce, EMPTY)
  useEffect(
    () =>
      client.on('*', (message) => {
        if (
          message.type.startsWith('pipeline_') &&
          (message.data as { pipeline_id?: string } | null)?.pipeline_id === pipelineId
        )
          take(message)
      }),
    [client, pipelineId],
  )
  return state
}

const WORDS: [member: string, label: string][] = [
  ['people_count', 'people'],
  ['total_crossings', 'crossings'],
  ['new_intrusions', 'intrusions'],
  ['active_zones', 'zones in use'],
]

const GOING = new Set(['running', 'starting', 'processing', 'started'])
const figure = (value: number | null, digits = 0) => (value === null ? '–' : value.toFixed(digits))

export function PipelineMonitor(props: PipelineMonitorProps): ReactNode {
  return props.state ? <Monitor {...props} state={{ ...EMPTY, ...props.state }} /> : <Listening {...props} />
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
    { label: 'per frame', value: state.frameTime === null ? '–' : `${state.frameTime.toFixed(0)} ms` },
  ]
  const button = { with: action, disabled, of: name }
  const error = action.error ?? state.error
  const badge = (
    <span className={`wsm-badge wsm-is-${state.status}`} role="status">
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
      className={`wsm-card wsm-pipeline wsm-is-${state.status} ${className}`}
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
            {WORDS.filter(([member]) => typeof counted[member] === 'number').map(([member, label]) => (
              <span key={member} className="wsm-number">
                {counted[member]} {label}
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
  if (values.length < 2) return <div className="wsm-spark" aria-hidden="true" />
  const top = Math.max(1e-9, ...values) * 1.1
  const points = values
    .map((value, i) => `${((100 * i) / (values.length - 1)).toFixed(2)},${(30 - (30 * value) / top).toFixed(2)}`)
    .join(' ')
  return (
    <svg className="wsm-spark" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label={label}>
      <polygon points={`0,30 ${points} 100,30`} />
      <polyline points={points} />
    </svg>
  )
}
