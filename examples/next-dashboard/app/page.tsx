import { Suspense } from 'react'
import { WebSocketProvider } from 'ws_manager/react'
import { Board } from '@/components/Board'
import { Header } from '@/components/Header'
import { Jobs } from '@/components/Jobs'
import { Log } from '@/components/Log'
import { Machine } from '@/components/Machine'
import { Toasts } from '@/components/Toasts'
import { snapshot } from '@/lib/live'
import { ROOM } from '@/lib/types'

// The frame of the page may be made once for all, which cacheComponents does; what is in it is each request's.
export default function Page() {
  return (
    <Suspense fallback={<p className="skip">The dashboard is on its way.</p>}>
      <Dashboard />
    </Suspense>
  )
}

// Rendered on the server with all data. `positions` say where that ends: the socket goes on from there, and so does each panel.
// wsManager.position(), in snapshot(), is what makes it dynamic.
async function Dashboard() {
  const { positions, samples, jobs, stories, log, notifications, canTranscode } = await snapshot()
  return (
    <WebSocketProvider wsUrl="/ws/dashboard" positions={positions}>
      <a className="skip" href="#jobs">
        Skip to the jobs
      </a>
      <Header notifications={notifications} />
      <main className="grid">
        <Machine initial={samples} />
        <Jobs initial={jobs} since={positions[ROOM]} canTranscode={canTranscode} />
        <Board initial={stories} since={positions[ROOM]} />
        <Log initial={log} since={positions.logs} />
      </main>
      <Toasts />
    </WebSocketProvider>
  )
}
