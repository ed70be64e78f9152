// @vitest-environment jsdom
// What React may do with a component that uses the hooks: render it in slices, throw it away, hide it, show it late. Real time.
import { act, cleanup, render, renderHook } from '@testing-library/react'
import * as React from 'react'
import {
  StrictMode,
  Suspense,
  startTransition,
  useLayoutEffect,
  useState,
  useTransition,
  type ComponentType,
  type ReactNode,
} from 'react'
import { createRoot } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocketProvider, useWebSocket, useWebSocketContext } from '../../node/react/index.js'
import { clientOf, hold } from '../../node/react/registry.js'
import { FakeSocket } from './fake_server.js'

let n = 0
let url = ''
const sockets = () => FakeSocket.all.filter((each) => each.closedWith === undefined).length
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms))
const greet = () => act(() => void FakeSocket.last.greet())
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

beforeEach(() => {
  vi.stubGlobal('WebSocket', FakeSocket)
  FakeSocket.all = []
  url = `ws://rendering-${++n}/ws`
})
afterEach(async () => {
  cleanup()
  if (vi.isFakeTimers()) await pass(3000) // whatever is left ends
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** A long list, rendered as a transition while a message comes every few milliseconds. */
async function transition(read: boolean) {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', false)
  const LENGTH = 30
  const commits: string[][] = []
  let renders = 0
  let show = (_: boolean) => {}
  const Slow = () => {
    const api = useWebSocket({ url })
    renders++
    const end = performance.now() + 4
    while (performance.now() < end);
    return <i>{read ? String(api.lastMessage?.data ?? 'none') : api.status}</i>
  }
  const Page = () => {
    const [shown, set] = useState(false)
    show = set
    useLayoutEffect(() => {
      commits.push([...document.querySelectorAll('i')].map((each) => each.textContent!))
    })
    useWebSocket({ url })
    return shown ? Array.from({ length: LENGTH }, (_, i) => <Slow key={i} />) : null
  }
  const box = document.body.appendChild(document.createElement('div'))
  const root = createRoot(box)
  root.render(<Page />)
  await vi.waitFor(() => expect(FakeSocket.all).toHaveLength(1))
  FakeSocket.last.greet()
  startTransition(() => show(true))
  let messages = 0
  while (box.querySelectorAll('i').length < LENGTH) {
    FakeSocket.last.say({ type: 'x', data: ++messages })
    await wait(1)
  }
  const texts = [...box.querySelectorAll('i')].map((each) => each.textContent)
  await wait(50)
  root.unmount()
  box.remove()
  return { commits, renders, messages, texts, LENGTH }
}

it('never shows two states at once, though messages come in the middle of a rendering', async () => {
  const { commits, messages, texts } = await transition(true)
  expect(messages).toBeGreaterThan(1)
  for (const texts of commits) expect(new Set(texts).size).toBeLessThan(2)
  expect(new Set(texts).size).toBe(1)
})

it('lets a transition go on, though messages come that nobody reads', async () => {
  const { renders, messages, texts, LENGTH } = await transition(false)
  expect(messages).toBeGreaterThan(1)
  expect(renders).toBe(LENGTH)
  expect(new Set(texts)).toEqual(new Set(['connected']))
})

it('tells a handler what is now, though it was not rendered', async () => {
  vi.useFakeTimers()
  const { result } = renderHook(() => useWebSocket({ url }))
  await pass(0)
  const api = result.current
  await greet()
  expect(result.current).toBe(api) // nothing was read, so nothing was rendered
  expect(api.isConnected).toBe(true)
})

it('gives the same values for as long as a rendering is on the screen', async () => {
  vi.useFakeTimers()
  const { result } = renderHook(() => {
    const api = useWebSocket({ url })
    return { api, status: api.status }
  })
  await pass(0)
  await greet()
  const { api } = result.current
  act(() => FakeSocket.last.end())
  expect(api.status).toBe('connected')
  expect(result.current.api.status).toBe('reconnecting')
})

it('connects when what was rendered is shown late', async () => {
  vi.useFakeTimers()
  const client = clientOf({ url })
  await pass(5000) // a slow page: nobody holds the client so far
  const end = hold(client, true)
  await pass(0)
  expect(sockets()).toBe(1)
  expect(clientOf({ url })).toBe(client)
  end()
  await pass(2000)
  expect(sockets()).toBe(0)
})

it('lives through being suspended', async () => {
  vi.useFakeTimers()
  let go = () => {}
  let ready = false
  const gate = new Promise<void>((resolve) => (go = resolve))
  const Page = () => {
    const { status } = useWebSocket({ url })
    if (!ready) throw gate
    return <i>{status}</i>
  }
  const page = render(
    <Suspense fallback={<b>wait</b>}>
      <Page />
    </Suspense>,
  )
  await pass(3000)
  expect([page.container.textContent, sockets()]).toEqual(['wait', 0])
  ready = true
  go()
  await pass(100)
  await greet()
  expect([page.container.textContent, sockets()]).toEqual(['connected', 1])
})

// From React 19.2.
const Activity = (React as { Activity?: ComponentType<{ mode: 'hidden' | 'visible'; children: ReactNode }> }).Activity
if (Activity)
  it('gives up the connection of what is hidden, and has it again when it is shown', async () => {
    vi.useFakeTimers()
    const Shell = Activity!
    const Inner = () => <i>{useWebSocket({ url }).status}</i>
    const Page = ({ hidden }: { hidden: boolean }) => (
      <Shell mode={hidden ? 'hidden' : 'visible'}>
        <Inner />
      </Shell>
    )
    const page = render(<Page hidden={false} />)
    await pass(0)
    await greet()
    page.rerender(<Page hidden />)
    await pass(5000)
    expect(sockets()).toBe(0)
    page.rerender(<Page hidden={false} />)
    await pass(0)
    expect(sockets()).toBe(1)
    await greet()
    expect(page.container.textContent).toBe('connected')
  })

it('connects anew for another address, session or query, and for nothing else', async () => {
  vi.useFakeTimers()
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const first = { url, sessionId: 'a', query: { v: '1' }, getToken: () => 'one', reconnect: true }
  const { rerender } = renderHook((options: Parameters<typeof useWebSocket>[0]) => useWebSocket(options), {
    initialProps: first,
  })
  await pass(0)
  await greet()
  rerender({ ...first, query: { v: '1' }, getToken: () => 'two', onMessage: () => {}, onPipelineUpdate: () => {} })
  rerender({ ...first, reconnect: true })
  await pass(2000)
  expect([FakeSocket.all.length, warn.mock.calls.length]).toEqual([1, 0])
  rerender({ ...first, maxReconnectAttempts: 3 }) // too late: that is said
  rerender({ ...first, maxReconnectAttempts: 3 })
  await pass(2000)
  expect(FakeSocket.all).toHaveLength(1)
  for (const [i, change] of [{ url: `${url}/updates` }, { sessionId: 'b' }, { query: { v: '2' } }].entries()) {
    rerender({ ...Object.assign(first, change) })
    await pass(0)
    expect([FakeSocket.all.length, sockets()]).toEqual([2 + i, 2]) // the old one for a moment more
    await pass(2000)
    expect(sockets()).toBe(1)
  }
})

it('says once that an option came too late', async () => {
  vi.useFakeTimers()
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  renderHook(() => useWebSocket({ url }))
  renderHook(() => useWebSocket({ url, queueSize: 7 }))
  renderHook(() => useWebSocket({ url, queueSize: 7 }))
  expect(warn.mock.calls).toHaveLength(1)
  expect(warn.mock.calls[0][0]).toMatch(/queueSize: 7 is not in force: the connection was made with the default/)
})

it('asks the newest getToken, and the newest function for the address', async () => {
  vi.useFakeTimers()
  const Page = ({ user }: { user: string }) => {
    useWebSocket({ url: () => `${url}?user=${user}`, getToken: () => `token-${user}` })
    return null
  }
  const page = render(<Page user="a" />)
  await pass(0)
  await greet()
  page.rerender(<Page user="b" />)
  await pass(0)
  expect(FakeSocket.all).toHaveLength(1)
  act(() => FakeSocket.last.end())
  await pass(1100)
  expect(FakeSocket.all.map((each) => new URL(each.url).searchParams.get('user'))).toEqual(['a', 'b'])
  expect(FakeSocket.all.map((each) => each.protocols?.[1])).toEqual(['wsm.bearer.token-a', 'wsm.bearer.token-b'])
})

it('ends a connection that was not there yet', async () => {
  vi.useFakeTimers()
  const errors = vi.spyOn(console, 'error')
  const page = render(
    <StrictMode>
      <WebSocketProvider wsUrl={url}>
        <i />
      </WebSocketProvider>
    </StrictMode>,
  )
  await pass(0)
  page.unmount()
  await pass(5000)
  expect([FakeSocket.all.length, sockets(), errors.mock.calls.length]).toEqual([1, 0, 0])
})

it('keeps the connection where a page goes and the next one comes, as at fast refresh', async () => {
  vi.useFakeTimers()
  const Page = () => <i>{useWebSocket({ url }).status}</i>
  const Next = () => <i>{useWebSocket({ url }).status}</i>
  const page = render(<Page />)
  await pass(0)
  await greet()
  page.rerender(<Next />)
  await pass(5000)
  expect([page.container.textContent, FakeSocket.all.length]).toEqual(['connected', 1])
})

it('keeps several providers apart', async () => {
  vi.useFakeTimers()
  const Id = () => <i>{useWebSocketContext().clientId} </i>
  const page = render(
    <WebSocketProvider wsUrl={`${url}/outer`}>
      <Id />
      <WebSocketProvider wsUrl={`${url}/inner`}>
        <Id />
      </WebSocketProvider>
      <WebSocketProvider wsUrl={`${url}/outer`} sessionId="s">
        <Id />
      </WebSocketProvider>
    </WebSocketProvider>,
  )
  await pass(0)
  expect(FakeSocket.all).toHaveLength(3)
  act(() =>
    FakeSocket.all.forEach((each) => each.greet({ client_id: new URL(each.url).pathname + new URL(each.url).search })),
  )
  expect(page.container.textContent).toBe('/ws/outer /ws/inner /ws/outer?session_id=s ')
})

it('renders once more for a transition of its own', async () => {
  vi.useFakeTimers()
  const Page = () => {
    const { status } = useWebSocket({ url })
    const [count, setCount] = useState(0)
    const [pending, start] = useTransition()
    return (
      <button onClick={() => start(() => setCount((old) => old + 1))}>
        {status} {count} {String(pending)}
      </button>
    )
  }
  const page = render(<Page />)
  await pass(0)
  await greet()
  act(() => page.getByRole('button').click())
  act(() => FakeSocket.last.end())
  expect(page.container.textContent).toBe('reconnecting 1 false')
})
