// What is known of the pipelines: the server's state, changed by what happens.

import { createContext, useCallback, useContext, useSyncExternalStore } from 'react'
import type { Message } from 'ws_manager/client'
import type { LiveState } from './live'
import type { Analysis, Counts, DetailedStatus, FrameData, Pipeline, PipelineStatus, ServerState } from './types'

const SPAN = 180 // seconds of history
const ERRORS = 20

export async function loadState(): Promise<ServerState> {
  const response = await fetch('/api/state', { cache: 'no-store' })
  if (!response.ok) throw new Error(`The server answered ${response.status} to /api/state`)
  return (await response.json()) as ServerState
}

export function reduce(state: ServerState, message: Message): ServerState {
  const data = message.data as { pipeline_id?: string; image_id?: string } | null
  if (message.type.startsWith('processing_') && data?.image_id)
    return { ...state, analyses: withAnalysis(state.analyses, data.image_id, message) }
  if (!message.type.startsWith('pipeline_') || !data?.pipeline_id) return state
  const at = state.pipelines.findIndex(({ id }) => id === data.pipeline_id)
  if (at < 0) return state
  const pipelines = state.pipelines.slice()
  pipelines[at] = change(pipelines[at], message)
  return pipelines[at] === state.pipelines[at] ? state : { ...state, pipelines }
}

function change(pipeline: Pipeline, { type, data, timestamp }: Message): Pipeline {
  const now = (Date.parse(timestamp ?? '') || Date.now()) / 1000
  switch (type) {
    case 'pipeline_status_update': {
      const { status, detailed_status: detailed } = data as { status: PipelineStatus; detailed_status: DetailedStatus }
      // A new source, or a new run: what was counted belongs to the one before.
      const fresh = status === 'starting' ? { analytics: {}, results: {} } : {}
      return { ...pipeline, ...fresh, status, detailed_status: detailed }
    }
    case 'pipeline_frame_update': {
      const { preview, ...results } = (data as { frame_data: FrameData }).frame_data.node_results
      const { fps, processing_time: seconds } = (data as { frame_data: FrameData }).frame_data
      const { detailed_status: detailed } = pipeline
      const stats = { ...detailed.stats, fps, processing_ms: Math.round(seconds * 10_000) / 10 }
      // A detector that rests on a frame says nothing: what it said last stays.
      const spoken = Object.entries(results).filter(([, result]) => Object.keys(result as object).length)
      return {
        ...pipeline,
        preview: preview ?? pipeline.preview,
        results: { ...pipeline.results, ...(Object.fromEntries(spoken) as Pipeline['results']) },
        detailed_status: { ...detailed, stats, last_frame_time: now },
      }
    }
    case 'pipeline_analytics_update': {
      const { analytics } = data as { analytics: Pipeline['analytics'] }
      const { people_count: count = 0, total_crossings = 0, total_intrusions = 0 } = analytics.results ?? {}
      const second = Math.floor(now)
      const history = pipeline.history.filter(([each]) => each > second - SPAN && each < second)
      history.push([second, count, total_crossings + total_intrusions, pipeline.detailed_status.stats.fps])
      return { ...pipeline, analytics, history }
    }
    case 'pipeline_error_update': {
      const { error_message: text, severity } = data as { error_message: string; severity: string }
      const error = { time: now, message: text, severity }
      // The state may have it already, with the server's own clock.
      const known = pipeline.errors.some((each) => each.message === text && Math.abs(each.time - now) < 1)
      return known ? pipeline : { ...pipeline, errors: [...pipeline.errors, error].slice(-ERRORS) }
    }
    default:
      return pipeline
  }
}

const ENDED = new Set(['processing_complete', 'processing_failed'])

/** Those that have ended stay for a while, for who looks. How far they are, ProcessingStatus knows by itself. */
function withAnalysis(list: readonly Analysis[], id: string, { type, data }: Message): Analysis[] {
  const known = list.find((each) => each.image_id === id)
  if (ENDED.has(type)) return list.map((each) => (each === known ? { ...each, ended_at: Date.now() } : each))
  if (known && !known.ended_at) return list as Analysis[]
  const { algorithm = '' } = data as { algorithm?: string }
  const fresh = { image_id: id, algorithm, progress: 0, eta_seconds: 0 }
  return [...list.filter((each) => each !== known), fresh].slice(-20)
}

export const LiveContext = createContext<LiveState<ServerState> | null>(null)

export function useLive(): LiveState<ServerState> {
  return useContext(LiveContext) as LiveState<ServerState>
}

/** Part of the state; a component renders again only when that part changes. */
export function useLiveState<Part>(select: (state: ServerState) => Part): Part {
  const live = useLive()
  const read = () => select(live.state)
  return useSyncExternalStore(live.subscribe, read, read)
}

export const usePipelines = () => useLiveState((state) => state.pipelines)

export function usePipeline(id: string): Pipeline | undefined {
  return useLiveState(useCallback((state) => state.pipelines.find((each) => each.id === id), [id]))
}

export const countsOf = (pipeline: Pipeline): Counts => pipeline.analytics.results ?? {}

/** Crossings by direction, as "← 3  → 5". */
export function directions({ directions: by = {} }: Counts): string {
  return Object.entries(by)
    .map(([arrow, count]) => `${arrow} ${count}`)
    .join('  ')
}
