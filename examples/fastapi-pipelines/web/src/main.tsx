// The first state, then the page: its client begins where that state ends.

import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { WebSocketProvider } from 'ws_manager/react'
import 'sonner/dist/styles.css'
import 'ws_manager/react/styles.css'
import './styles/base.css'
import './styles/frame.css'
import './styles/overview.css'
import './styles/pipeline.css'
import { App } from './App'
import { LossySocket } from './connection'
import { Boundary } from './parts/Boundary'
import { loadState } from './pipelines'
import type { ServerState } from './types'

const root = createRoot(document.getElementById('root') as HTMLElement)

async function firstState(): Promise<ServerState> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await loadState()
    } catch (error) {
      root.render(
        <main className="waiting">
          <h1>Pipelines</h1>
          <p role="status">The server does not answer. Trying again …</p>
          <p className="hint">{(error as Error).message}</p>
        </main>,
      )
      await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 500 * 2 ** attempt)))
    }
  }
}

const state = await firstState()
root.render(
  <StrictMode>
    <WebSocketProvider wsUrl="/ws" positions={state.positions} poll={{ after: 4 }} WebSocket={LossySocket}>
      <Boundary>
        <App first={state} />
      </Boundary>
    </WebSocketProvider>
  </StrictMode>,
)
