// The frame of the page, and which view is in it.

import { useEffect, useState, type ReactNode } from 'react'
import { NotificationCenter, useWebSocket, type Notification } from 'ws_manager/react'
import { useCommand } from './commands'
import { TrafficMeter } from './connection'
import { LiveState } from './live'
import { Connection } from './parts/Connection'
import { MachineLoad } from './parts/Load'
import { Source } from './parts/SourceDialog'
import { ThemeButton } from './parts/ThemeButton'
import { Toasts } from './parts/Toasts'
import { LiveContext, loadState, reduce } from './pipelines'
import { hrefOf, useRoute } from './route'
import type { ServerState } from './types'
import { Overview } from './views/Overview'
import { PipelineView } from './views/PipelineView'

const ROOM = 'pipelines'

export function App({ first }: { first: ServerState }): ReactNode {
  const { client } = useWebSocket()
  const [live] = useState(() => new LiveState(client, first, loadState, reduce))
  const [meter] = useState(() => new TrafficMeter())
  useEffect(() => {
    const room = client.subscribe(ROOM)
    const ends = [live.start(), meter.start(client), client.on('source_changed', () => void live.reload())]
    return () => {
      ends.forEach((end) => end())
      room.unsubscribe()
    }
  }, [client, live, meter])

  return (
    <LiveContext.Provider value={live}>
      <Frame first={first} meter={meter} />
      <Toasts />
    </LiveContext.Provider>
  )
}

function Frame({ first, meter }: { first: ServerState; meter: TrafficMeter }): ReactNode {
  const route = useRoute()
  const { status } = useWebSocket()
  return (
    <div className="page" data-stale={status === 'connected' ? undefined : true}>
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault()
          document.getElementById('content')?.focus()
        }}
      >
        Skip to the content
      </a>
      <header className="top">
        <div className="brand">
          <a href="#/" className="home">
            <img src="/icon.svg" alt="" width="28" height="28" />
            <span>Pipelines</span>
          </a>
          <Source />
        </div>
        <MachineLoad />
        <div className="tools">
          <Connection meter={meter} />
          <Notices first={first.notifications} />
          <ThemeButton />
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {route.view === 'overview' ? <Overview meter={meter} /> : <PipelineView key={route.id} id={route.id} />}
      </main>
    </div>
  )
}

function Notices({ first }: { first: readonly Notification[] }): ReactNode {
  const command = useCommand()
  const act = async ({ action }: Notification) => {
    const { pipeline_id: id } = action?.payload as { pipeline_id: string }
    if (action?.type === 'show_pipeline') location.hash = hrefOf(id)
    else await command('restart_pipeline', { pipeline_id: id })
  }
  return (
    <NotificationCenter
      initial={first}
      limit={50}
      rooms={['@all']}
      onAction={act}
      onRead={async (ids) => void (await command('mark_read', { ids }))}
    />
  )
}
