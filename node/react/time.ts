'use client'
// Times for people: their own time zone, and what the server rendered until hydration is over.

import { useEffect, useMemo, useReducer, useSyncExternalStore } from 'react'
import { timeOf } from './fields.js'

const never = () => () => {}

/** Whether this is a browser that has taken over what the server rendered. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  )
}

const two = (value: number) => String(value).padStart(2, '0')
const clockOf = (date: Date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`

/** What of RFC 3339 is shown, by how exact it is to be; '' for what is no time, whatever it is. */
export function useClock(): { second(time: string): string; exact(time: string): string } {
  const hydrated = useHydrated()
  return useMemo(() => {
    const dated = (given: string, local: (date: Date) => string, utc: (time: string) => string) => {
      const time = timeOf(given)
      if (!time) return ''
      return hydrated ? local(new Date(time)) : utc(time)
    }
    return {
      second: (time) => dated(time, clockOf, (utc) => utc.slice(11, 19)),
      exact: (time) =>
        dated(
          time,
          (date) =>
            `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockOf(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`,
          (utc) => utc,
        ),
    }
  }, [hydrated])
}

/** Renders again every so many milliseconds; null: not at all. */
export function useTick(every: number | null): void {
  const [, tick] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    if (every === null) return undefined
    const timer = setInterval(tick, every)
    return () => clearInterval(timer)
  }, [every])
}

/** How long ago, in a few characters: now, 5 min, 3 h, 2 d. */
export function age(time: string, now: number): string {
  const seconds = (now - Date.parse(time)) / 1000
  if (Number.isNaN(seconds)) return ''
  if (seconds < 60) return 'now'
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}
