// The view is in the address: #/ is the overview, #/pipeline/<id> one pipeline.

import { useEffect, useSyncExternalStore } from 'react'

export type Route = { view: 'overview' } | { view: 'pipeline'; id: string }

export const hrefOf = (id: string) => `#/pipeline/${encodeURIComponent(id)}`

const subscribe = (changed: () => void) => {
  addEventListener('hashchange', changed)
  return () => removeEventListener('hashchange', changed)
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  const found = /^#\/pipeline\/([^/]+)$/.exec(hash)
  // A new view begins at its top.
  useEffect(() => void scrollTo(0, 0), [hash])
  if (!found) return { view: 'overview' }
  try {
    return { view: 'pipeline', id: decodeURIComponent(found[1]) }
  } catch {
    return { view: 'pipeline', id: found[1] }
  }
}
