// @vitest-environment jsdom
// Data that the server rendered, and the messages after it: none is missing and none comes twice, whatever the connection has seen.
import { act, cleanup, render } from '@testing-library/react'
import { StrictMode, createElement, type ReactNode } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient, type Client, type ClientOptions, type Gap } from '../../node/client/index.js'
import {
  ConnectionStatus,
  LogStream,
  NotificationCenter,
  WebSocketProvider,
  useNotifications,
  useRoom,
  useRoomState,
  type LogEntry,
} from '../../node/react/index.js'
import { FakeSocket } from './fake_server.js'

let n = 0
let url = ''
let client: Client | undefined
const settle = () => act(() => vi.advanceTimersByTimeAsync(0))
const at = (offset: number, room = 'r') => ({ type: 'x', data: offset, room, offset, message_id: `${room}-${offset}` })
const rooms = (offset: number, recovered = false) => ({ rooms: { r: { epoch: 'e', offset, recovered } } })
const asked = (action: string) => FakeSocket.last.sent.filter((command) => command.action === action)
const answer = (offsets: number[], offset: number, recovered = true) =>
  act(async () => {
    FakeSocket.last.say({
      type: 'history',
      id: asked('history').at(-1)?.id,
      data: { messages: offsets.map((each) => at(each)), epoch: 'e', offset, recovered },
    })
    await vi.advanceTimersByTimeAsync(0)
  })

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  FakeSocket.all = []
  url = `ws://join-${++n}/ws`
})
afterEach(async () => {
  cleanup()
  client?.close()
  client = undefined
  await vi.advanceTimersByTimeAsync(2000)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('subscribe() from a position', () => {
  const open = async (offset: number, options: Partial<ClientOptions> = {}) => {
    client = createClient({ url, WebSocket: FakeSocket as never, random: () => 1, ...options })
    await settle()
    FakeSocket.last.greet(rooms(offset))
    return client
  }
  const follow = (since: number, epoch = 'e') => {
    const seen: unknown[] = []
    const gaps: Gap[] = []
    client?.onGap((gap) => gaps.push(gap))
    const room = client?.subscribe('r', (message) => seen.push(message.data), { since: { epoch, offset: since } })
    return { seen, gaps, room }
  }

  it('first hands on what the connection had seen before, and holds what comes meanwhile', async () => {
    await open(5)
    const others: unknown[] = []
    client?.subscribe('r', (message) => others.push(message.data))
    const { seen, gaps, room } = follow(3)
    FakeSocket.last.say(at(6))
    expect([others, seen]).toEqual([[6], []])
    expect(asked('history')).toMatchObject([{ room: 'r', since: { epoch: 'e', offset: 3 } }])
    await answer([4, 5, 6], 6)
    FakeSocket.last.say(at(7))
    expect([others, seen, gaps]).toEqual([[6, 7], [4, 5, 6, 7], []])
    expect(room?.position).toEqual({ epoch: 'e', offset: 7 })
  })

  it('asks for further pages until it is where the client is', async () => {
    await open(6)
    const { seen } = follow(1)
    await answer([2, 3], 3)
    expect(asked('history')).toMatchObject([{ since: { offset: 1 } }, { since: { offset: 3 } }])
    await answer([4, 5, 6], 6)
    expect(seen).toEqual([2, 3, 4, 5, 6])
  })

  it('leaves out what the data has already', async () => {
    await open(5)
    const { seen } = follow(7)
    for (const offset of [6, 7, 8]) FakeSocket.last.say(at(offset))
    expect(seen).toEqual([8])
    expect(asked('history')).toEqual([])
  })

  it('says so where what was missed is gone, and goes on', async () => {
    await open(500)
    const { seen, gaps } = follow(3)
    await answer([], 500, false)
    FakeSocket.last.say(at(501))
    expect([seen, gaps]).toEqual([[501], [{ room: 'r', missed: 0, reason: 'not_recovered' }]])
  })

  it('says so where the server refuses, or does not answer', async () => {
    await open(5, { requestTimeout: 1000 })
    const { gaps } = follow(3)
    FakeSocket.last.say({ type: 'error', id: asked('history')[0].id, data: { code: 'forbidden', message: 'no' } })
    await settle()
    expect(gaps).toHaveLength(1)
    follow(3)
    await vi.advanceTimersByTimeAsync(1000)
    expect(gaps).toHaveLength(2)
  })

  it('asks again after a reconnection', async () => {
    await open(5)
    const { seen, gaps } = follow(3)
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.greet(rooms(6, true)).say(at(6))
    await answer([4, 5, 6], 6)
    expect([seen, gaps]).toEqual([[4, 5, 6], []])
  })

  it('is not left behind by a server that has begun anew', async () => {
    await open(5)
    const { seen, gaps } = follow(500, 'old')
    await answer([], 5, false)
    FakeSocket.last.say(at(6))
    expect([seen, gaps.length]).toEqual([[6], 1])
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.greet({ rooms: { r: { epoch: 'new', offset: 1, recovered: false } } }).say(at(2))
    expect([seen, gaps.length]).toEqual([[6, 2], 2])
  })

  it('says nothing more after its end', async () => {
    await open(5)
    const { seen, gaps, room } = follow(3)
    room?.unsubscribe()
    await answer([4, 5], 5)
    expect([seen, gaps]).toEqual([[], []])
  })

  it('neither joins nor leaves the rooms of the endpoint, and stays where it is in them', async () => {
    await open(5)
    follow(5).room?.unsubscribe()
    expect(FakeSocket.last.sent).toEqual([])
    FakeSocket.last.say(at(6)).end()
    await vi.advanceTimersByTimeAsync(1000)
    expect(FakeSocket.last.resume).toEqual({ r: ['e', 6] })
  })
})

const provided = (children: ReactNode, options = {}) =>
  createElement(StrictMode, null, createElement(WebSocketProvider, { wsUrl: url, ...options }, children))

describe('useRoom with data of the server', () => {
  const seen: unknown[] = []
  beforeEach(() => void seen.splice(0))
  const Room = ({ since, room = 'r' }: { since?: number; room?: string | null }) => {
    useRoom(
      room,
      { x: (event) => seen.push(event.data) },
      { since: since === undefined ? since : { epoch: 'e', offset: since } },
    )
    return null
  }

  it('resumes the connection from there, under StrictMode too', async () => {
    render(provided(<Room since={5} />))
    await settle()
    expect(FakeSocket.last.resume).toEqual({ r: ['e', 5] })
    await act(() => void FakeSocket.last.greet(rooms(6, true)).say(at(6)))
    expect(seen).toEqual([6])
  })

  it('keeps the positions of the provider through the second mount of StrictMode', async () => {
    render(provided(<Room />, { positions: { r: { epoch: 'e', offset: 5 } } }))
    await settle()
    expect(FakeSocket.last.resume).toEqual({ r: ['e', 5] })
  })

  it('catches up where it comes later than the connection', async () => {
    const page = render(provided(null, { positions: { r: { epoch: 'e', offset: 5 } } }))
    await settle()
    await act(() => void FakeSocket.last.greet(rooms(6, true)).say(at(6)))
    page.rerender(provided(<Room since={5} />, { positions: { r: { epoch: 'e', offset: 5 } } }))
    await settle()
    await answer([6], 6)
    await act(() => void FakeSocket.last.say(at(7)))
    expect(seen).toEqual([6, 7])
  })

  it('goes on from newer data, without what is in it', async () => {
    const page = render(provided(<Room since={5} />))
    await settle()
    await act(() => void FakeSocket.last.greet(rooms(5, true)).say(at(6)))
    page.rerender(provided(<Room since={8} />))
    await act(() => void [7, 8, 9].forEach((offset) => FakeSocket.last.say(at(offset))))
    expect(seen).toEqual([6, 9])
  })

  it('gets again what came after newer data was rendered and before it was shown', async () => {
    const page = render(provided(<Room since={5} />))
    await settle()
    await act(() => void FakeSocket.last.greet(rooms(5, true)).say(at(6)).say(at(7)))
    page.rerender(provided(<Room since={6} />))
    await settle()
    await answer([7], 7)
    expect(seen).toEqual([6, 7, 7]) // the last one for the newer data
  })

  it('starts anew in another room, and in one that it was told to leave', async () => {
    const page = render(provided(<Room />))
    await settle()
    await act(() => void FakeSocket.last.greet(rooms(5)))
    page.rerender(provided(<Room room={null} />))
    await act(() => void FakeSocket.last.say(at(6)))
    page.rerender(provided(<Room />))
    await act(() => void FakeSocket.last.say(at(7)))
    expect(seen).toEqual([7])
    expect(asked('history')).toEqual([])
  })
})

describe('useRoomState', () => {
  const states: string[] = []
  beforeEach(() => void states.splice(0))
  const reduce = (state: string, { data }: { data: unknown }) => `${state} ${String(data)}`
  const State = ({ initial, since }: { initial: string; since: number }) => {
    const state = useRoomState('r', reduce, initial, { since: { epoch: 'e', offset: since } })
    if (states.at(-1) !== state) states.push(state)
    return null
  }
  const start = async () => {
    const page = render(provided(<State initial="at 5:" since={5} />))
    await settle()
    await act(() => void FakeSocket.last.greet(rooms(5, true)).say(at(6)).say(at(7)))
    states.splice(0, states.length - 1)
    return page
  }

  it('is what was rendered, and what came after it', async () => {
    const page = await start()
    await act(() => void FakeSocket.last.say(at(8)))
    expect(states).toEqual(['at 5: 6 7', 'at 5: 6 7 8'])
    page.rerender(provided(<State initial="at 8:" since={8} />))
    await act(() => void FakeSocket.last.say(at(9)))
    expect(states.slice(2)).toEqual(['at 8:', 'at 8: 9'])
  })

  it('does not show older data for the time that it takes to catch up', async () => {
    const page = await start()
    page.rerender(provided(<State initial="at 6:" since={6} />))
    await act(() => void FakeSocket.last.say(at(8)))
    expect(states).toEqual(['at 5: 6 7'])
    await answer([7, 8], 8)
    expect(states).toEqual(['at 5: 6 7', 'at 6: 7 8'])
  })

  it('is not put back by data that was rendered twice at the same position', async () => {
    const page = await start()
    page.rerender(provided(<State initial="at 5, again:" since={5} />))
    await act(() => void FakeSocket.last.say(at(8)))
    expect(states.at(-1)).toBe('at 5: 6 7 8')
  })

  it('shows newer data at once where there is no connection to catch up by, and all of it later', async () => {
    const page = await start()
    await act(() => void FakeSocket.last.end())
    page.rerender(provided(<State initial="at 6:" since={6} />))
    await settle()
    expect(states.at(-1)).toBe('at 6:')
    await act(() => vi.advanceTimersByTimeAsync(1000))
    await act(() => void FakeSocket.last.greet(rooms(8, true)).say(at(8)))
    await answer([7, 8], 8)
    expect(states.at(-1)).toBe('at 6: 7 8')
  })

  it('shows newer data also where what came after it is gone', async () => {
    const page = await start()
    page.rerender(provided(<State initial="at 6:" since={6} />))
    await settle()
    await answer([], 7, false)
    await act(() => void FakeSocket.last.say(at(8)))
    expect(states).toEqual(['at 5: 6 7', 'at 6:', 'at 6: 8'])
  })
})

it('shows what will be, on the server and until the connection is asked for: no flash of “Offline”', async () => {
  expect(renderToString(provided(<ConnectionStatus />))).toContain('Connecting')
  expect(renderToString(provided(<ConnectionStatus />, { autoConnect: false, sessionId: 'none' }))).toContain('Offline')
  const page = render(provided(<ConnectionStatus />))
  expect(page.container.textContent).toBe('Connecting')
  await settle()
  await act(() => void FakeSocket.last.greet())
  expect(page.container.textContent).toBe('Live')
})

const line = (i: number): LogEntry => ({
  id: `logs-${i}`,
  time: `2026-01-01T00:00:0${i}Z`,
  level: 'info',
  source: 's',
  message: `line ${i}`,
})
const logged = (i: number) => ({
  ...at(i, 'logs'),
  type: 'log_message',
  timestamp: line(i).time,
  data: { level: 'info', message: `line ${i}`, source: 's' },
})

it('joins the lines of a log that the server rendered with those that come', async () => {
  const shown = (initial: LogEntry[], offset: number) =>
    provided(<LogStream initial={initial} since={{ epoch: 'e', offset }} />)
  const page = render(shown([line(1), line(2)], 1)) // read after the position: 2 comes once more
  await settle()
  await act(
    () =>
      void FakeSocket.last
        .greet({ rooms: { logs: { epoch: 'e', offset: 3, recovered: true } } })
        .say(logged(2))
        .say(logged(3)),
  )
  const text = () => [...page.container.querySelectorAll('.wsm-line .wsm-grow')].map((each) => each.textContent)
  await act(() => vi.advanceTimersByTimeAsync(200))
  expect(text()).toEqual(['line 1', 'line 2', 'line 3'])
  // After a gap: lines that were missed come with new data of the server.
  await act(() => void FakeSocket.last.say(logged(6)))
  await act(() => vi.advanceTimersByTimeAsync(200))
  page.rerender(shown([line(3), line(4), line(5), line(6)], 6))
  await act(() => vi.advanceTimersByTimeAsync(200))
  expect(text()).toEqual([1, 2, 3, 4, 5, 6].map((i) => `line ${i}`))
})

it('keeps what was read and dismissed when notifications come again', async () => {
  const Center = ({ ids }: { ids: number[] }) => {
    const initial = ids.map((i) => ({
      id: `n${i}`,
      type: 'info' as const,
      title: `n${i}`,
      message: '',
      read: false,
      created_at: `2026-01-0${i}`,
    }))
    const { notifications, unreadCount, markAsRead, dismiss } = useNotifications({ initial })
    return (
      <>
        <p>{notifications.map(({ id, read }) => (read ? `(${id})` : id)).join(' ')}</p>
        <b>{unreadCount}</b>
        <button onClick={() => markAsRead(['n1'])}>read</button>
        <button onClick={() => dismiss('n2')}>dismiss</button>
      </>
    )
  }
  const page = render(provided(<Center ids={[2, 1]} />))
  await settle()
  await act(() => void FakeSocket.last.greet())
  await act(() => [...page.container.querySelectorAll('button')].forEach((button) => button.click()))
  await act(() => void FakeSocket.last.say({ type: 'notification', data: { id: 'n1', title: 'n1', message: '' } }))
  page.rerender(provided(<Center ids={[3, 2, 1]} />))
  expect(page.container.querySelector('p')?.textContent).toBe('n3 (n1)')
  expect(page.container.querySelector('b')?.textContent).toBe('1')
  expect(renderToString(provided(<NotificationCenter />))).toContain('Notifications')
})
