'use client'
// ProcessingStatus: how far one piece of work is, and how long it will take.

import { useEffect, useState, type ReactNode } from 'react'
import { ActionButton, useAction } from './action.js'
import { figure, numberOf, textOf } from './fields.js'
import { guarded } from './guard.js'
import { useProcessingState, useSystemStatus } from './processing.js'

export interface ProcessingStatusProps {
  imageId: string
  /** What the events say of the image, unless given here. */
  progress?: number
  currentStep?: string
  etaSeconds?: number | null
  algorithm?: string | null
  gpuUtilization?: number | null
  /** What returns a promise is pending until it is settled; why it failed is shown. */
  onCancel?: () => unknown
  className?: string
}

/** Counts down between two events, and never below zero. */
function useCountdown(seconds: number | null): number | null {
  const [left, setLeft] = useState(seconds)
  useEffect(() => {
    setLeft(seconds)
    if (seconds === null) return undefined
    const until = Date.now() + seconds * 1000
    const timer = setInterval(() => setLeft(Math.max(0, (until - Date.now()) / 1000)), 250)
    return () => clearInterval(timer)
  }, [seconds])
  return left
}

export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (!(whole < 3_600_000)) return 'over 999 h'
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const ProcessingStatus = /* @__PURE__ */ guarded('ProcessingStatus', Status)

function Status({ imageId, onCancel, className = '', ...given }: ProcessingStatusProps): ReactNode {
  const state = useProcessingState(imageId)
  const system = useSystemStatus()
  const progress = Math.min(100, Math.max(0, numberOf(given.progress) ?? state?.progress ?? 0))
  const left = useCountdown(given.etaSeconds !== undefined ? numberOf(given.etaSeconds) : (state?.etaSeconds ?? null))
  const gpu = numberOf(given.gpuUtilization) ?? system?.gpu_utilization
  const ended = state?.status === 'complete' || state?.status === 'failed'
  const tone =
    state?.status === 'failed'
      ? 'failed'
      : progress >= 100
        ? 'done'
        : ['early', 'middle', 'late'][Math.floor(progress / 33.4)]
  const step =
    state?.status === 'failed'
      ? state.error || 'Failed'
      : state?.status === 'complete'
        ? 'Complete'
        : (textOf(given.currentStep) ?? state?.currentStep)
  const name = textOf(given.algorithm) ?? state?.algorithm
  const cancel = useAction()
  return (
    <div className={`wsm-card wsm-processing wsm-${tone} ${className}`}>
      <div className="wsm-row">
        <strong className="wsm-grow">{name || imageId}</strong>
        <span className="wsm-number">{progress.toFixed(0)} %</span>
        {onCancel && !ended && <ActionButton action={onCancel} with={cancel} label="Cancel" of={name || imageId} />}
      </div>
      <div
        className={`wsm-bar ${ended ? '' : 'wsm-moving'}`}
        role="progressbar"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(progress)}
        aria-label={`Progress of ${name || imageId}`}
      >
        <i style={{ transform: `scaleX(${progress / 100})` }} />
      </div>
      <div className="wsm-row wsm-dim">
        <span className="wsm-grow wsm-step">{step || 'Waiting'}</span>
        {cancel.error && (
          <span className="wsm-problem" role="alert">
            {cancel.error}
          </span>
        )}
        {!ended && left !== null && left > 0 && <span className="wsm-number">{duration(left)} left</span>}
        {!ended && typeof gpu === 'number' && <span className="wsm-number">GPU {figure(gpu)} %</span>}
      </div>
    </div>
  )
}
