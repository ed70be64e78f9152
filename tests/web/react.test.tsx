// @vitest-environment jsdom
// Hooks: who shares a connection, what causes a render, and that callbacks cause nothing.
import { act, cleanup, render, renderHook } from '@testing-library/react'
import { StrictMode, createElement, useState, type ReactNode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  WebSocketProvider,
  useAllProcessingStates,
  useEvent,
  useHasActiveProcessing,
  useProcessingState,
  useRoom,
  useWebSocket,
  useWebSocketContext,
} from '../../node/react/index.js'
import { createClient } from '../../node/client/index.js'
import { FakeSocket } from './fake_server.js'

let n = 0
let url = ''

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  FakeSocket.all = []
  url = `ws://server-${++n}/ws`
})
afterEach(async () => {
  cleanup()
  await vi.advanceTimersByTimeAsync(2000)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const settle = () => act(() => vi.advanceTimersByTimeAsync(0))
const greet = () => act(() => void FakeSocket.last.greet())
const say = (message: unknown) => act(() => void FakeSocket.last.say(message))
const provided = ({ children }: { children: ReactNode }) => createElement(WebSocketProvider, { wsUrl: url }, children)

it('opens one socket for all hooks of a page, under StrictMode too', async () => {
  const Each = () => {
    const { isConnected } = useWebSocket({ url })
    return <i>{String(isConnected)}</i>
  }
  const page = render(
    <StrictMode>
      <Each />
      <Each />
      <WebSocketProvider wsUrl={url}>
        <Each />
      </WebSocketProvider>
    </StrictMode>,
  )
  await settle()
  expect(FakeSocket.all).toHaveLength(1)
  await greet()
  expect(page.container.textContent).toBe('truetruetrue')
  page.unmount()
  expect(FakeSocket.last.closedWith).toBeUndefined() // perhaps it is mounted again
  await vi.advanceTimersByTimeAsync(1500)
  expect(FakeSocket.last.closedWith).toBe(1000)
})

it('calls the newest callbacks, and never connects again for them', async () => {
  const seen: string[] = []
  const { rerender } = renderHook(
    ({ name }: { name: string }) =>
      useWebSocket(
        { url, onPipelineUpdate: (data) => seen.push(`${name} ${data.status}`) },
        { log_entry: (event) => seen.push(`${name} ${event.data.message}`) },
      ),
    { initialProps: { name: 'first' } },
  )
  await settle()
  await greet()
  await say({ type: 'pipeline_update', data: { status: 'running' } })
  rerender({ name: 'second' })
  await say({ type: 'pipeline_update', data: { status: 'done' } })
  await say({ type: 'log_entry', data: { message: 'line' } })
  expect(seen).toEqual(['first running', 'second done', 'second line'])
  expect(FakeSocket.all).toHaveLength(1)
})

it('renders only for what was read', async () => {
  const renders = { status: 0, message: 0, nothing: 0 }
  const Status = () => {
    renders.status++
    return <i>{useWebSocket({ url }).status}</i>
  }
  const Last = () => {
    renders.message++
    return <i>{useWebSocket({ url }).lastMessage?.type}</i>
  }
  const Nothing = () => {
    useWebSocket({ url })
    renders.nothing++
    return null
  }
  render(
    <>
      <Status />
      <Last />
      <Nothing />
    </>,
  )
  await settle()
  await greet()
  const before = { ...renders }
  await say({ type: 'a', data: 1 })
  await say({ type: 'b', data: 1 })
  expect(renders).toEqual({ status: before.status, message: before.message + 2, nothing: 1 })
})

it('has the callbacks of the first seed, each returning its end', async () => {
  const { result } = renderHook(() => useWebSocket({ url }))
  await settle()
  await greet()
  const seen: unknown[] = []
  const ends = [
    result.current.onPipelineStatusUpdate((data) => seen.push(data.status)),
    result.current.onPipelineFrameUpdate((data) => seen.push(data.frame_data.fps)),
    result.current.onPipelineError((data) => seen.push(data.error_message)),
    result.current.onPipelineAnalytics((data) => seen.push(data.analytics.people_count)),
  ]
  const all = async () => {
    await say({ type: 'pipeline_status_update', data: { status: 'running' } })
    await say({ type: 'pipeline_frame_update', data: { frame_data: { fps: 25 } } })
    await say({ type: 'pipeline_error_update', data: { error_message: 'no camera' } })
    await say({ type: 'pipeline_analytics_update', data: { analytics: { people_count: 3 } } })
  }
  await all()
  ends.forEach((end) => end())
  await all()
  expect(seen).toEqual(['running', 25, 'no camera', 3])
  expect(result.current.connectionStatus).toBe('connected')
})

it('keeps its functions', async () => {
  const { result, rerender } = renderHook(() => useWebSocket({ url }))
  const { connect, send, subscribe } = result.current
  await settle()
  await greet()
  rerender()
  expect([result.current.connect, result.current.send, result.current.subscribe]).toEqual([connect, send, subscribe])
})

it('follows a room while it is shown', async () => {
  const seen: unknown[] = []
  const Room = ({ room }: { room: string | null }) => {
    useRoom(room, { x: (event) => seen.push(event.data) })
    return null
  }
  const page = render(<Room room="a" />, { wrapper: provided })
  await settle()
  await greet()
  await say({ type: 'x', data: 1, room: 'a' })
  page.rerender(<Room room={null} />)
  await say({ type: 'x', data: 2, room: 'a' })
  expect(seen).toEqual([1])
  expect(FakeSocket.last.sent.map((command) => `${String(command.action)} ${String(command.room)}`)).toEqual([
    'subscribe a',
    'unsubscribe a',
  ])
})

it('knows what is being processed', async () => {
  const renders = { other: 0 }
  const Other = () => {
    renders.other++
    return <b>{useProcessingState('other')?.progress}</b>
  }
  const State = () => {
    const state = useProcessingState('i1')
    return (
      <i>
        {state ? `${state.status} ${state.progress} ${state.currentStep}` : 'unknown'} {useAllProcessingStates().length}{' '}
        {String(useHasActiveProcessing())}
      </i>
    )
  }
  const page = render(
    <>
      <State />
      <Other />
    </>,
    { wrapper: provided },
  )
  await settle()
  await greet()
  const text = () => page.container.textContent
  expect(text()).toBe('unknown 0 false')
  await say({ event_type: 'processing_started', image_id: 'i1', algorithm: 'a' })
  await say({
    event_type: 'processing_progress',
    image_id: 'i1',
    progress: 45.5,
    current_step: 'Masks',
    eta_seconds: 2,
  })
  expect(text()).toBe('processing 45.5 Masks 1 true')
  await say({ event_type: 'processing_complete', image_id: 'i1', result_id: 'r' })
  await say({ event_type: 'processing_progress', image_id: 'i1', progress: 50, current_step: 'late' })
  expect(text()).toBe('complete 100 Masks 0 false')
  expect(renders.other).toBe(1)
})

it('forgets what has been over for longest, and nothing that is under way', async () => {
  const { result } = renderHook(
    () => [useProcessingState('under way'), useProcessingState('over first'), useProcessingState('over last')],
    { wrapper: provided },
  )
  await settle()
  await greet()
  await act(() => {
    const end = (image_id: string) =>
      FakeSocket.last.say({ event_type: 'processing_complete', image_id, result_id: 'r' })
    FakeSocket.last.say({ event_type: 'processing_started', image_id: 'under way', algorithm: 'a' })
    end('over first')
    for (let i = 0; i < 999; i++) end(`image ${i}`)
  })
  expect(result.current.map((state) => state?.status)).toEqual(['started', 'complete', undefined])
  await say({ event_type: 'processing_complete', image_id: 'over last', result_id: 'r' })
  expect(result.current.map((state) => state?.status)).toEqual(['started', undefined, 'complete'])
})

it('gives the context its own words', async () => {
  const { result } = renderHook(() => useWebSocketContext(), { wrapper: provided })
  await settle()
  await act(() => void FakeSocket.last.greet({ client_id: 'me' }))
  await say({ event_type: 'system_status', gpu_utilization: 78.5, queue_length: 3 })
  expect(result.current.systemStatus).toMatchObject({ gpu_utilization: 78.5, queue_length: 3 })
  expect([result.current.status, result.current.isConnected, result.current.clientId]).toEqual([
    'connected',
    true,
    'me',
  ])
  const silence = vi.spyOn(console, 'error').mockImplementation(() => {})
  expect(() => renderHook(() => useWebSocketContext())).toThrow('<WebSocketProvider>')
  silence.mockRestore()
})

it('renders on a server, and hydrates without a difference', async () => {
  const Page = () => {
    const { status, isConnected } = useWebSocketContext()
    const [count] = useState(1)
    return (
      <p>
        {status} {String(isConnected)} {count}
      </p>
    )
  }
  const tree = (
    <WebSocketProvider wsUrl={url}>
      <Page />
    </WebSocketProvider>
  )
  const html = renderToString(tree)
  expect(FakeSocket.all).toHaveLength(0)
  const box = document.createElement('div')
  box.innerHTML = html
  const errors: unknown[] = []
  let root: ReturnType<typeof hydrateRoot> | undefined
  await act(async () => {
    root = hydrateRoot(box, tree, { onRecoverableError: (error) => errors.push(error) })
  })
  await settle()
  await greet()
  expect(box.textContent).toBe('connected true 1')
  expect(errors).toEqual([])
  await act(async () => root?.unmount())
})

it('does nothing before connect() where it is told so', async () => {
  const { result } = renderHook(() => useWebSocket({ url, autoConnect: false }))
  await settle()
  expect(FakeSocket.all).toHaveLength(0)
  act(() => result.current.connect())
  await settle()
  expect(FakeSocket.all).toHaveLength(1)
  act(() => result.current.disconnect())
  expect(result.current.status).toBe('disconnected')
})

it('hears one event without rendering for it', async () => {
  const seen: string[] = []
  const renders = vi.fn()
  const Page = ({ name }: { name: string }) => {
    renders()
    useEvent('pipeline_update', ({ data }) => seen.push(`${name} ${data.status}`))
    return null
  }
  const page = render(<Page name="a" />, { wrapper: provided })
  await settle()
  await greet()
  await say({ type: 'pipeline_update', data: { pipeline_id: '7', status: 'on' } })
  expect(renders).toHaveBeenCalledOnce()
  page.rerender(<Page name="b" />)
  await say({ type: 'pipeline_update', data: { pipeline_id: '7', status: 'off' } })
  page.rerender(<i />)
  await say({ type: 'pipeline_update', data: { pipeline_id: '7', status: 'gone' } })
  expect(seen).toEqual(['a on', 'b off'])
})

it('says how it is called where it is given an address alone', () => {
  const silence = vi.spyOn(console, 'error').mockImplementation(() => {})
  expect(() => renderHook(() => useWebSocket('ws://server/ws' as never))).toThrow(
    "useWebSocket() takes options: useWebSocket({ url: 'ws://server/ws' })",
  )
  silence.mockRestore()
})

it('uses a client that the application has made, and leaves it alone', async () => {
  const client = createClient({ url })
  await vi.advanceTimersByTimeAsync(0)
  FakeSocket.last.greet({ client_id: 'mine' })
  const { result, unmount } = renderHook(() => useWebSocketContext(), {
    wrapper: ({ children }) => <WebSocketProvider client={client}>{children}</WebSocketProvider>,
  })
  expect([result.current.client, result.current.clientId, result.current.status]).toEqual([client, 'mine', 'connected'])
  act(() => FakeSocket.last.end())
  expect(result.current.status).toBe('reconnecting')
  unmount()
  await vi.advanceTimersByTimeAsync(5000)
  FakeSocket.last.greet()
  expect(client.status).toBe('connected')
  expect(FakeSocket.all).toHaveLength(2)
  client.close()
})

it('stays disconnected where somebody wanted that, whatever is shown next', async () => {
  const Status = () => <i>{useWebSocket({ url }).status} </i>
  const Off = () => {
    const { disconnect, connect } = useWebSocket({ url })
    return (
      <>
        <button onClick={disconnect}>off</button>
        <button onClick={connect}>on</button>
      </>
    )
  }
  const page = render(<Off />)
  await settle()
  await greet()
  act(() => page.getByText('off').click())
  page.rerender(
    <>
      <Off />
      <Status />
    </>,
  )
  await settle()
  expect([page.container.textContent, FakeSocket.all.length]).toEqual(['offondisconnected ', 1])
  act(() => page.getByText('on').click())
  await settle()
  await greet()
  expect(page.container.textContent).toBe('offonconnected ')
  page.rerender(<b />)
  await vi.advanceTimersByTimeAsync(2000)
  page.rerender(<Status />)
  await settle()
  expect(FakeSocket.all).toHaveLength(3) // another page, later
})
