// The page or worker that a client lives in: what it offers, and what it tells.

import { WsClientError } from './types.js'

/** Old runtimes have no WebSocket, and waiting brings none. */
export function lackOfSocket(): WsClientError | null {
  if (typeof globalThis.WebSocket === 'function') return null
  return new WsClientError(
    'no_websocket',
    'there is no WebSocket here (Node has one from version 22 on): give the client one, createClient({ url, WebSocket }), of the package ws, say',
  )
}

/** Whether tabs can find one another here. */
export const canShare = (): boolean =>
  typeof BroadcastChannel === 'function' &&
  typeof navigator !== 'undefined' &&
  !!(navigator as { locks?: unknown }).locks

/**
 * Calls `hope` when the network is back or gone, and when the page is looked at (again, or out of the browser's cache); `away` when it goes
 * into that cache, where nothing can be heard. Returns the end of it.
 */
export function watchPage(hope: () => void, away: () => void): () => void {
  const page = globalThis as Partial<Pick<Window, 'addEventListener' | 'removeEventListener'>>
  const seen = (): void => {
    if (typeof document === 'undefined' || document.visibilityState !== 'hidden') hope()
  }
  const listeners: [name: string, listener: (event: any) => void, on?: typeof page][] = [
    ['online', seen],
    ['offline', seen],
    ['pageshow', seen],
    ['pagehide', (event: PageTransitionEvent) => event.persisted && away()],
    ['visibilitychange', seen, typeof document === 'undefined' ? {} : document],
  ]
  for (const [name, listener, on = page] of listeners) on.addEventListener?.(name, listener)
  return () => {
    for (const [name, listener, on = page] of listeners) on.removeEventListener?.(name, listener)
  }
}
