import { Dashboard } from '@/components/Dashboard'
import { snapshot } from '@/lib/live'

export const dynamic = 'force-dynamic'

// Rendered on the server with all data; the socket goes on from the positions in it, without a gap.
export default async function Page() {
  return <Dashboard initial={await snapshot()} />
}
