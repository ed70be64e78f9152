// The page that a client lives in, if it lives in one.

/** Calls `hope` when the network is back or the page is looked at again: try now. Returns the end of that; null where there is no page. */
export function watchPage(hope: () => void): (() => void) | null {
  const page = globalThis as {
    addEventListener?: typeof addEventListener
    removeEventListener?: typeof removeEventListener
  }
  if (typeof page.addEventListener !== 'function') return null
  const seen = () => {
    if (typeof document === 'undefined' || document.visibilityState !== 'hidden') hope()
  }
  page.addEventListener('online', seen)
  if (typeof document !== 'undefined') document.addEventListener('visibilitychange', seen)
  return () => {
    page.removeEventListener?.('online', seen)
    if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', seen)
  }
}
