// The connection as a state machine: what happens, what follows from it, and nothing else. No timers, no sockets.

import type { Status } from './types.js'

export type State =
  | { at: 'idle' }
  /** `attempts`: that have failed since there was a connection, or since connect(). `polled`: polling brings answers. */
  | { at: 'connecting'; attempts: number; polling: boolean; polled?: boolean }
  | { at: 'open' }
  | { at: 'waiting'; attempts: number; polling: boolean; polled?: boolean }
  /** Given up: a final close code, or too many attempts. */
  | { at: 'failed'; reason: string }

export type Happening =
  | { is: 'connect' }
  | { is: 'disconnect' }
  | { is: 'greeted' }
  /** `final`: there is no use in trying again, whatever the code. */
  | { is: 'closed'; code: number; reason: string; final?: boolean }
  | { is: 'silent' }
  | { is: 'polled'; answered: boolean }
  | { is: 'timer' }
  /** The network is back, or the page is looked at again: no need to wait any longer. */
  | { is: 'hope' }

export type Effect = { do: 'open' } | { do: 'close' } | { do: 'wait'; attempts: number } | { do: 'poll'; on: boolean }

export interface Rules {
  reconnect: boolean
  maxAttempts: number
  /** Whether there may be another token after 4401. */
  canRenew: boolean
  /** Failed attempts before polling; Infinity: never. */
  pollAfter: number
}

/** Close codes after which nothing gets better by itself (docs/protocol.md). */
const FINAL = new Set([1002, 1003, 1007, 1009, 1010, 4400, 4403, 4409])
const NO_TOKEN = 4401

export const IDLE: State = { at: 'idle' }

export function statusOf(state: State): Status {
  switch (state.at) {
    case 'idle':
      return 'disconnected'
    case 'open':
      return 'connected'
    case 'failed':
      return 'failed'
    case 'connecting':
    case 'waiting':
      return state.polled ? 'degraded' : state.attempts ? 'reconnecting' : 'connecting'
    default:
      return assertNever(state)
  }
}

export function next(state: State, happening: Happening, rules: Rules): [State, Effect[]] {
  switch (happening.is) {
    case 'connect':
      if (state.at === 'idle' || state.at === 'failed')
        return [{ at: 'connecting', attempts: 0, polling: false }, [{ do: 'open' }]]
      return state.at === 'waiting' ? again(state) : [state, []]
    case 'disconnect':
      return [IDLE, [{ do: 'close' }, ...stopPolling(state)]]
    case 'greeted':
      return state.at === 'connecting' ? [{ at: 'open' }, stopPolling(state)] : [state, []]
    case 'closed':
      return state.at === 'open' || state.at === 'connecting' ? lost(state, happening, rules) : [state, []]
    case 'silent': {
      if (state.at !== 'open' && state.at !== 'connecting') return [state, []]
      const [following, effects] = lost(state, { code: 1006, reason: 'nothing was heard' }, rules)
      return [following, [{ do: 'close' }, ...effects]]
    }
    case 'polled':
      return 'polling' in state && state.polling ? [{ ...state, polled: happening.answered }, []] : [state, []]
    case 'timer':
    case 'hope':
      return state.at === 'waiting' ? again(state) : [state, []]
    default:
      return assertNever(happening)
  }
}

function again(state: State & { at: 'waiting' }): [State, Effect[]] {
  return [{ ...state, at: 'connecting' }, [{ do: 'open' }]]
}

function lost(
  state: State & { at: 'open' | 'connecting' },
  close: { code: number; reason: string; final?: boolean },
  rules: Rules,
): [State, Effect[]] {
  const attempts = state.at === 'open' ? 1 : state.attempts + 1
  const reason = close.reason || `closed with ${close.code}`
  const before = state.at === 'connecting' ? state : { polling: false }
  if (close.final || FINAL.has(close.code) || (close.code === NO_TOKEN && !rules.canRenew))
    return [{ at: 'failed', reason }, stopPolling(state)]
  if (!rules.reconnect) return [IDLE, stopPolling(state)]
  if (attempts > rules.maxAttempts)
    return [
      { at: 'failed', reason: `${rules.maxAttempts} attempts to connect have failed; the last one: ${reason}` },
      stopPolling(state),
    ]
  const polling = before.polling || attempts > rules.pollAfter
  const effects: Effect[] = [{ do: 'wait', attempts }]
  if (polling && !before.polling) effects.push({ do: 'poll', on: true })
  return [{ ...before, at: 'waiting', attempts, polling }, effects]
}

function stopPolling(state: State): Effect[] {
  return 'polling' in state && state.polling ? [{ do: 'poll', on: false }] : []
}

/** Full jitter: any time up to a bound that doubles. A server that comes back is not met by everybody at once. */
export function delayOf(attempts: number, least: number, longest: number, random: () => number): number {
  return random() * Math.min(longest, least * 2 ** Math.min(attempts - 1, 30))
}

export function assertNever(value: never): never {
  throw new Error(`not reached: ${JSON.stringify(value)}`)
}
