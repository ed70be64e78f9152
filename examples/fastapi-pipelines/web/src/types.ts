// What the server says: /api/state, and the data of the events that this page listens to (../../app.py, ../../pipelines.py).

import type { Position } from './live'
import type { Notification } from 'ws_manager/react'

export type Box = [id: number, x: number, y: number, width: number, height: number]

/** Drawn over the video; points are fractions of the frame. */
export interface Shape {
  kind: 'line' | 'zone'
  points: [x: number, y: number][]
  active?: boolean
}

export interface Picture {
  /** Base64. */
  jpeg: string
  /** Width by height. */
  aspect: number
  boxes: Box[]
  shapes: Shape[]
}

/** Unix seconds, things in view, crossings and intrusions so far, frames per second. */
export type Point = [second: number, count: number, events: number, fps: number]

export interface Counts {
  people_count?: number
  trend?: 'rising' | 'falling' | 'stable'
  new_crossings?: number
  total_crossings?: number
  directions?: Record<string, number>
  new_intrusions?: number
  total_intrusions?: number
  active_zones?: number
  /** Percent of the picture that moves. */
  activity?: number
}

export interface Stats {
  frames_processed: number
  frames_skipped: number
  fps: number
  processing_ms: number
  /** Unix seconds. */
  started_at: number | null
}

export interface DetailedStatus {
  stats: Stats
  nodes: Record<string, { type: string; status: string }>
  error_message: string | null
  /** Unix seconds. */
  last_frame_time: number | null
}

export interface PipelineError {
  /** Unix seconds. */
  time: number
  message: string
  severity: string
}

export type NodeResults = Record<string, Record<string, unknown>>
export type PipelineStatus = 'running' | 'starting' | 'stopped' | 'error'

export interface Pipeline {
  id: string
  name: string
  about: string
  /** The node that it is about. */
  headline: string
  counts: 'people' | 'moving'
  nodes: string[]
  status: PipelineStatus
  detailed_status: DetailedStatus
  analytics: { results?: Counts }
  results: NodeResults
  history: Point[]
  errors: PipelineError[]
  preview: Picture | null
}

export interface Analysis {
  image_id: string
  algorithm: string
  progress: number
  eta_seconds: number
  /** Unix milliseconds by this page's clock. */
  ended_at?: number
}

export interface ServerState {
  positions: Record<string, Position>
  source: string
  source_fps: number
  pipelines: Pipeline[]
  analyses: Analysis[]
  notifications: Notification[]
}

export interface FrameData {
  frame_id: number
  detections_count: number
  /** Seconds. */
  processing_time: number
  fps: number
  node_results: NodeResults & { preview?: Picture }
}

export interface Load {
  cpu_utilization?: number | null
  memory_used_mb?: number | null
  memory_total_mb?: number | null
  /** Percent of one core. */
  process_cpu?: number
  cores?: number
}
