// Rendering on a server: no window, no document, nothing that stays.
import { PassThrough } from 'node:stream'
import { renderToPipeableStream, renderToString } from 'react-dom/server'
import { expect, it, vi } from 'vitest'
import {
  ConnectionStatus,
  LogStream,
  NotificationCenter,
  PipelineMonitor,
  ProcessingStatus,
  WebSocketProvider,
  useProcessingState,
  useWebSocket,
  useWebSocketContext,
} from '../../node/react/index.js'
import { clientOf } from '../../node/react/registry.js'

const Page = () => {
  const { status, systemStatus } = useWebSocketContext()
  const own = useWebSocket({ url: 'ws://elsewhere/ws', autoConnect: false }, { pipeline_update: () => {} })
  return (
    <p>
      {status} {own.status} {String(systemStatus)} {String(useProcessingState('i')?.progress)}
    </p>
  )
}
const tree = (
  <WebSocketProvider wsUrl="/ws" sessionId="s">
    <Page />
    <ConnectionStatus />
    <NotificationCenter />
    <PipelineMonitor pipelineId="7" />
    <ProcessingStatus imageId="i" />
    <LogStream room="logs" />
  </WebSocketProvider>
)

it('renders all there is, opens nothing, keeps nothing and warns of nothing', async () => {
  const Socket = vi.fn()
  vi.stubGlobal('WebSocket', Socket)
  const errors = vi.spyOn(console, 'error')
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const html = renderToString(tree)
  expect(html).toContain('connecting')
  expect(html).toContain('disconnected')
  expect(errors).not.toHaveBeenCalled()
  expect(Socket).not.toHaveBeenCalled()
  expect(timers).not.toHaveBeenCalled() // nothing that keeps a process alive, or one request's state for the next
  expect(clientOf({ url: '/ws' })).not.toBe(clientOf({ url: '/ws' }))

  const streamed = await new Promise<string>((resolve) => {
    const out = new PassThrough()
    let text = ''
    out.on('data', (chunk) => (text += String(chunk))).on('end', () => resolve(text))
    const { pipe } = renderToPipeableStream(tree, { onAllReady: () => pipe(out) })
  })
  expect(streamed).toContain('connecting')
  expect(errors).not.toHaveBeenCalled()
})
