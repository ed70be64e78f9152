// @vitest-environment jsdom
// Components that were written for hooks of an application's own run on ours. package.test.ts compiles them.
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { StrictMode } from 'react'
import { WebSocketProvider } from 'ws_manager/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FakeSocket } from './fake_server.js'
import { CommandCenter, LogsPage } from './seeds/logs.js'
import * as notifications from './seeds/notifications.js'
import { Monitor } from './seeds/pipelines.js'
import * as processing from './seeds/processing.js'

let n = 0
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms))
const greet = (data = {}) => act(() => void FakeSocket.last.greet(data))
const say = (message: unknown) => act(() => void FakeSocket.last.say(message))

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  FakeSocket.all = []
  localStorage.setItem('session_id', `session-${++n}`)
})
afterEach(async () => {
  cleanup()
  await pass(2000)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('monitors a pipeline', async () => {
  const page = render(
    <StrictMode>
      <Monitor currentPipelineId="7" />
    </StrictMode>,
  )
  await pass(0)
  expect(FakeSocket.all.map(({ url }) => url)).toEqual(['ws://localhost:3000/ws'])
  await greet()
  const ids = { message_id: '1', timestamp: '2026-01-15T10:30:00.000Z' }
  const detailed_status = { stats: { frames_processed: 5, errors: 0 }, nodes: {}, error_message: null }
  await say({ type: 'pipeline_status_update', data: { pipeline_id: '8', status: 'stopped' } })
  await say({ ...ids, type: 'pipeline_status_update', data: { pipeline_id: '7', status: 'running', detailed_status } })
  await say({ type: 'pipeline_frame_update', data: { pipeline_id: '7', frame_data: { frame_id: 1, fps: 24.5 } } })
  await say({ type: 'pipeline_analytics_update', data: { pipeline_id: '7', analytics: { people_count: 3 } } })
  await say({ type: 'pipeline_error_update', data: { pipeline_id: '7', error_message: 'x', severity: 'warning' } })
  expect(page.container.textContent).toBe('live running 5 24.5 3 warning pipeline_error_update')
})

it('shows lines of a log at once, and counts them by level, on one connection', async () => {
  const page = render(
    <WebSocketProvider wsUrl="ws://127.0.0.1:8000/ws/updates">
      <LogsPage />
      <CommandCenter />
    </WebSocketProvider>,
  )
  await pass(0)
  await greet()
  for (const level of ['info', 'success', 'error', 'success'])
    await say({ type: 'log_entry', data: { level, message: `a ${level} ` } })
  await say({ type: 'pipeline_update', data: { pipeline_id: '1', status: 'running', progress: 40 } })
  await say({ type: 'profile_change', data: { profile: 'night' } })
  await say({ type: 'ping' })
  expect(page.container.textContent).toBe(
    'Info: 1 Success: 2 Warning: 0 Error: 1a success a error a success a info true running 40 % night',
  )
  expect(FakeSocket.all).toHaveLength(1)
})

it.each(['data', 'payload'])('keeps notifications of a channel through a service (%s)', async (member) => {
  const { AuthProvider, OfService, WebSocketProvider } = notifications
  const App = ({ user }: { user: { token: string } | null }) => (
    <AuthProvider value={{ user }}>
      <WebSocketProvider>
        <OfService />
      </WebSocketProvider>
    </AuthProvider>
  )
  const user = { token: 'abc' }
  const page = render(<App user={null} />)
  await pass(5000)
  expect(FakeSocket.all).toHaveLength(0) // nobody has logged in
  page.rerender(<App user={user} />)
  await pass(0)
  expect(FakeSocket.last.protocols).toEqual(['ws_manager.v1', 'wsm.bearer.abc'])
  await greet()
  expect(FakeSocket.last.sent).toEqual([{ action: 'subscribe', room: 'notifications' }])
  const notification = { id: 'n1', title: 'Deploy', message: 'done' }
  await say({ type: 'notification', room: 'notifications', [member]: notification })
  await say({ type: 'notification', room: 'elsewhere', [member]: notification })
  expect(page.container.textContent).toBe('1 Deploy loaded 1')
  fireEvent.click(screen.getByRole('button'))
  expect(FakeSocket.last.sent[1]).toEqual({ action: 'mark_as_read', notification_id: 'n1' })

  act(() => FakeSocket.last.end())
  await pass(1100)
  await greet()
  expect(page.container.textContent).toBe('1 Deploy loaded 2') // what was missed is asked for
  page.rerender(<App user={null} />)
  expect(FakeSocket.last.closedWith).toBe(1000)
})

it('keeps notifications of a channel through the hook', async () => {
  const page = render(
    <WebSocketProvider wsUrl="/ws" getToken={() => 'abc'}>
      <notifications.OfPackage />
    </WebSocketProvider>,
  )
  await pass(0)
  await greet()
  await say({ type: 'notification', room: 'notifications', data: { id: 'n1', title: 'Deploy' } })
  expect(page.container.textContent).toBe('1 Deploy loaded 1')
})

it('follows an analysis', async () => {
  const seen = {
    log: vi.fn(),
    alert: vi.fn(),
    updateProgressBar: vi.fn(),
    showResults: vi.fn(),
    handleError: vi.fn(),
    navigate: vi.fn(),
    retryAnalysis: vi.fn(),
  }
  const { Analysis, App, Dashboard, Handlers, Toasts } = processing
  render(
    <App>
      <Dashboard imageId="abc123" />
      <Analysis seen={seen} />
      <Handlers seen={seen} />
      <Toasts seen={seen} resultId="def456" error={new Error('GPU memory insufficient')} />
    </App>,
  )
  await pass(0)
  expect(FakeSocket.all.map(({ url }) => new URL(url).search).sort()).toEqual([
    '',
    `?session_id=session-${n}`,
    '?session_id=user-session-123',
  ])
  const all = (run: (socket: FakeSocket) => void) => act(() => FakeSocket.all.forEach(run))
  await all((socket) => socket.greet())
  await all((socket) =>
    [
      { event_type: 'processing_started', image_id: 'abc123', algorithm: 'segmentation_3d', estimated_time_seconds: 5 },
      { event_type: 'processing_progress', image_id: 'abc123', progress: 45.5, current_step: 'Model', eta_seconds: 2 },
      { event_type: 'system_status', gpu_utilization: 78.5, queue_length: 3 },
    ].forEach((message) => socket.say(message)),
  )
  expect(document.querySelector('p')!.textContent).toBe('45.5 true 1 connected true c1 78.5')
  expect(seen.log.mock.calls.flat().sort()).toEqual(['Progress: 45.5%', 'Started: segmentation_3d'])
  expect(seen.updateProgressBar).toHaveBeenCalledExactlyOnceWith(45.5)
  fireEvent.click(screen.getByRole('button', { name: 'connected' }))
  expect(FakeSocket.all.flatMap(({ sent }) => sent)).toEqual([{ action: 'cancel_analysis', image_id: 'abc123' }])
  fireEvent.click(screen.getByText('Cancel'))
  expect(FakeSocket.all.flatMap(({ sent }) => sent)).toHaveLength(2)

  await all((socket) =>
    [
      { event_type: 'processing_complete', image_id: 'abc123', result_id: 'def456' },
      { event_type: 'processing_failed', image_id: 'abc124', error: 'GPU memory insufficient' },
    ].forEach((message) => socket.say(message)),
  )
  expect(seen.alert).toHaveBeenCalledExactlyOnceWith('Analysis complete!')
  expect(seen.showResults).toHaveBeenCalledExactlyOnceWith('def456')
  expect(seen.handleError).toHaveBeenCalledExactlyOnceWith('GPU memory insufficient')

  fireEvent.click(screen.getByText('Toasts'))
  await pass(100)
  fireEvent.click(screen.getByText('View Results'))
  fireEvent.click(screen.getByText('Retry'))
  expect(seen.navigate).toHaveBeenCalledExactlyOnceWith('/results/def456')
  expect(seen.retryAnalysis).toHaveBeenCalledOnce()
})
