// The page or worker that a client lives in: what it offers, and what it tells.

/** Whether tabs can find one another here. */
export const canShare = (): boolean =>
  typeof BroadcastChannel === 'function' &&
  typeof navigator !== 'undefined' &&
  !!(navigator as { locks?: unknown }).locks

/** Calls `hope` when the network is back, and when the page is looked at (again, or out of the browser's cache). Returns the end of it. */
export function watchPage(hope: () => void): () => void {
  const page = globalThis as Partial<Pick<Window, 'addEventListener' | 'removeEventListener'>>
  const visible = (): void => {
    if (typeof document === 'undefined' || document.visibilityState !== 'hidden') hope()
  }
  page.addEventListener?.('online', visible)
  page.addEventListener?.('pageshow', visible)
  if (typeof document !== 'undefined') document.addEventListener('visibilitychange', visible)
  return () => {
    page.removeEventListener?.('online', visible)
    page.removeEventListener?.('pageshow', visible)
    if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', visible)
  }
}
