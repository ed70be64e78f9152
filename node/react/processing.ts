'use client'
// What is being processed, by image: kept once per client, read by as many components as like.

import { useCallback, useSyncExternalStore } from 'react'
import type { Client, Message } from '../client/index.js'
import { Fields } from './fields.js'
import { useClient } from './hooks.js'

export interface ProcessingState {
  imageId: string
  status: 'started' | 'processing' | 'complete' | 'failed'
  progress: number
  currentStep: string
  etaSeconds: number | null
  algorithm: string | null
  resultId: string | null
  error: string | null
  /** Unix milliseconds of the last event. */
  updatedAt: number
}

const isOver = ({ status }: ProcessingState) => status === 'complete' || status === 'failed'

export interface SystemStatus {
  gpu_utilization?: number | null
  gpu_memory_used_mb?: number | null
  gpu_memory_total_mb?: number | null
  queue_length?: number
  active_processing_count?: number
  cpu_utilization?: number | null
  memory_used_mb?: number | null
  memory_total_mb?: number | null
  [member: string]: unknown
}

const MEASURES = [
  'gpu_utilization',
  'gpu_memory_used_mb',
  'gpu_memory_total_mb',
  'queue_length',
  'active_processing_count',
  'cpu_utilization',
  'memory_used_mb',
  'memory_total_mb',
] as const

/** Members of the application's own stay as they are. */
function systemOf({ type, data }: Message): SystemStatus {
  const event = Fields.of(data, type)
  const status: SystemStatus = { ...event.raw }
  for (const name of MEASURES) {
    const value = event.num(name)
    if (value !== null) status[name] = value
    else if (status[name] !== null) delete status[name]
  }
  return status
}

function changeOf(type: string, event: Fields, old: ProcessingState | undefined): Partial<ProcessingState> {
  switch (type) {
    case 'processing_started':
      return { status: 'started', algorithm: event.text('algorithm'), etaSeconds: event.num('estimated_time_seconds') }
    case 'processing_progress': {
      const progress = event.num('progress', 'needed') ?? old?.progress ?? 0
      return {
        status: 'processing',
        progress: Math.min(100, Math.max(0, progress)),
        currentStep: event.text('current_step') ?? '',
        etaSeconds: event.num('eta_seconds'),
      }
    }
    case 'processing_complete':
      return { status: 'complete', progress: 100, etaSeconds: 0, resultId: event.text('result_id') }
    default:
      return { status: 'failed', error: event.text('error', 'needed') ?? '', etaSeconds: null }
  }
}

/** Pieces of work that are over and still known; the oldest go first, or a page that is open for days would keep them all. */
const MAX_ENDED = 1000

class Store {
  readonly states = new Map<string, ProcessingState>()
  active: readonly ProcessingState[] = []
  system: SystemStatus | null = null
  private readonly changes = new Set<() => void>()

  constructor(client: Client) {
    for (const type of ['processing_started', 'processing_progress', 'processing_complete', 'processing_failed'])
      client.on(type, (message) => this.take(message))
    client.on('system_status', (message) => {
      this.system = systemOf(message)
      this.tell()
    })
  }

  subscribe = (changed: () => void): (() => void) => {
    this.changes.add(changed)
    return () => void this.changes.delete(changed)
  }

  private take({ type, data }: Message): void {
    const event = Fields.of(data, type)
    const imageId = event.text('image_id', 'needed')
    if (imageId === null) return
    const old = this.states.get(imageId)
    // Progress is sent with less care than the end: it may come after it.
    if (type === 'processing_progress' && old && isOver(old)) return
    const state: ProcessingState = {
      imageId,
      status: 'processing',
      progress: 0,
      currentStep: '',
      etaSeconds: null,
      algorithm: null,
      resultId: null,
      error: null,
      ...(type === 'processing_started' ? {} : old),
      ...changeOf(type, event, old),
      updatedAt: Date.now(),
    }
    this.states.set(state.imageId, state)
    this.active = [...this.states.values()].filter((each) => !isOver(each))
    if (isOver(state)) this.forget(this.states.size - this.active.length - MAX_ENDED)
    this.tell()
  }

  private forget(count: number): void {
    for (const [imageId, state] of this.states) {
      if (count <= 0) return
      if (!isOver(state)) continue
      this.states.delete(imageId)
      count--
    }
  }

  private tell(): void {
    for (const change of [...this.changes]) change()
  }
}

const stores = new WeakMap<Client, Store>()

function storeOf(client: Client): Store {
  let store = stores.get(client)
  if (!store) stores.set(client, (store = new Store(client)))
  return store
}

function useStore<T>(select: (store: Store) => T, server: T): T {
  const client = useClient()
  const store = storeOf(client)
  return useSyncExternalStore(
    store.subscribe,
    useCallback(() => select(store), [store, select]),
    () => server,
  )
}

const EMPTY: readonly ProcessingState[] = []

/** The state of one image; undefined before its first event. */
export function useProcessingState(imageId: string): ProcessingState | undefined {
  return useStore(
    useCallback((store: Store) => store.states.get(imageId), [imageId]),
    undefined,
  )
}

const active = (store: Store) => store.active
/** All that are under way. */
export function useAllProcessingStates(): readonly ProcessingState[] {
  return useStore(active, EMPTY)
}

const hasActive = (store: Store) => store.active.length > 0
export function useHasActiveProcessing(): boolean {
  return useStore(hasActive, false)
}

const system = (store: Store) => store.system
export function useSystemStatus(): SystemStatus | null {
  return useStore(system, null)
}
