'use client'
// PipelineMonitor: one computer-vision pipeline, live: status, frames, what was counted, errors.

import { useEffect, useReducer, type ReactNode } from 'react'
import type { Message } from '../client/index.js'
import { useWebSocket } from './hooks.js'

export interface PipelineMonitorProps {
  pipelineId: string
  name?: string
  onStop?: () => void
  onRestart?: () => void
  className?: string
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

export function PipelineMonitor({
  pipelineId,
  name,
  onStop,
  onRestart,
  className = '',
}: PipelineMonitorProps): ReactNode {
  const state = usePipeline(pipelineId)
  const figure = (value: number | null, digits = 0) => (value === null ? '–' : value.toFixed(digits))
  return (
    <section className={`wsm-card wsm-pipeline ${className}`} aria-label={`Pipeline ${name ?? pipelineId}`}>
      <div className="wsm-row">
        <strong className="wsm-grow">{name ?? pipelineId}</strong>
        <span className={`wsm-badge wsm-is-${state.status}`} role="status">
          {state.status}
        </span>
        {onStop && state.status === 'running' && (
          <button type="button" className="wsm-button" onClick={onStop}>
            Stop
          </button>
        )}
        {onRestart && state.status !== 'running' && (
          <button type="button" className="wsm-button" onClick={onRestart}>
            Restart
          </button>
        )}
      </div>
      <dl className="wsm-figures">
        <div>
          <dt>frames/s</dt>
          <dd>{figure(state.fps, 1)}</dd>
        </div>
        <div>
          <dt>frame</dt>
          <dd>{figure(state.frameId)}</dd>
        </div>
        <div>
          <dt>found</dt>
          <dd>{figure(state.detections)}</dd>
        </div>
        <div>
          <dt>per frame</dt>
          <dd>{state.frameTime === null ? '–' : `${state.frameTime.toFixed(0)} ms`}</dd>
        </div>
      </dl>
      <Sparkline values={state.history} label="Frames per second" />
      {Object.entries(state.analytics).map(([node, counted]) => (
        <p key={node} className="wsm-row wsm-dim">
          <span className="wsm-grow">{node}</span>
          {WORDS.filter(([member]) => typeof counted[member] === 'number').map(([member, label]) => (
            <span key={member} className="wsm-number">
              {counted[member]} {label}
            </span>
          ))}
        </p>
      ))}
      {state.error && (
        <p className="wsm-error" role="alert">
          {state.error}
        </p>
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
