'use client'
// A button that does something which takes a while and may fail.

import { useEffect, useRef, useState, type ReactNode } from 'react'

export type Action = () => unknown

export interface RunningAction {
  pending: boolean
  /** Why the last one failed; null when it did not, or when another one was begun. */
  error: string | null
  run(action: Action): void
}

/** Runs an action; what returns a promise is pending until that is settled, and no other begins meanwhile. */
export function useAction(): RunningAction {
  const [pending, setPending] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const there = useRef(true)
  const busy = useRef(false)
  useEffect(() => {
    there.current = true
    return () => {
      there.current = false
    }
  }, [])
  const run = (action: Action) => {
    if (busy.current) return
    const failed = (reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason))
    setError(null)
    try {
      const result = action()
      if (!(result instanceof Promise)) return
      busy.current = true
      setPending(true)
      result
        .catch((reason: unknown) => there.current && failed(reason))
        .finally(() => {
          busy.current = false
          if (there.current) setPending(false)
        })
    } catch (reason) {
      failed(reason)
    }
  }
  return { pending, error, run }
}

export interface ActionButtonProps {
  action: Action
  with: RunningAction
  label: string
  /** What it is done to, for those who do not see where the button stands. */
  of?: string
  disabled?: boolean
  className?: string
  children?: ReactNode
}

export function ActionButton({
  action,
  with: { pending, run },
  label,
  of,
  disabled,
  className = '',
  children,
}: ActionButtonProps): ReactNode {
  return (
    <button
      type="button"
      className={`wsm-button ${className}`}
      disabled={disabled}
      aria-disabled={pending || undefined}
      aria-busy={pending || undefined}
      aria-label={of ? `${label} ${of}` : undefined}
      onClick={() => run(action)}
    >
      {children ?? label}
    </button>
  )
}
