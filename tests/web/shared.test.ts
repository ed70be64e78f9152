// Tabs that share one socket: who leads, what the others hear, and what happens when the leader's page goes.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createClient, type Client, type Gap } from '../../node/client/index.js'
import { FakeSocket } from './fake_server.js'

// The browser's locks and channels, as one browser has them, in memory.
let queue: (() => void)[] = []
let held = false
let channels: FakeChannel[] = []

class FakeChannel {
  onmessage: ((event: { data: unknown }) => void) | null = null
  constructor(readonly name: string) {
    channels.push(this)
  }
  postMessage(data: unknown): void {
    const copy = JSON.parse(JSON.stringify(data)) as unknown
    for (const channel of [...channels])
      if (channel !== this && channel.name === this.name) queueMicrotask(() => channel.onmessage?.({ data: copy }))
  }
}
const locks = {
  request(_name: string, run: () => unknown): Promise<void> {
    return new Promise(() => {
      const start = () => {
        held = true
        run()
      }
      if (held) queue.push(start)
      else queueMicrotask(start)
      if (!held) held = true
    })
  },
}
const settle = () => vi.advanceTimersByTimeAsync(0)
let clients: Client[] = []
const tab = (options = {}): Client => {
  const client = createClient({
    url: 'ws://server/ws',
    WebSocket: FakeSocket as never,
    shared: true,
    random: () => 0,
    ...options,
  })
  clients.push(client)
  return client
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('BroadcastChannel', FakeChannel)
  vi.stubGlobal('navigator', { locks })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
  queue = []
  held = false
  channels = []
  clients = []
  FakeSocket.all = []
})
afterEach(() => {
  clients.forEach((client) => client.close())
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const at = (offset: number) => ({ type: 'x', data: offset, room: '@all', offset, message_id: `m${offset}` })
const rooms = { '@all': { epoch: 'e', offset: 0, recovered: false } }

async function two(): Promise<[Client, Client, unknown[][]]> {
  const a = tab()
  await settle()
  await settle()
  FakeSocket.last.greet({ rooms })
  await settle()
  const b = tab()
  await settle()
  const heard: unknown[][] = [[], []]
  a.on('x', (message) => heard[0].push(message.data))
  b.on('x', (message) => heard[1].push(message.data))
  return [a, b, heard]
}

it('has one socket, and everybody hears', async () => {
  const [a, b, heard] = await two()
  expect(FakeSocket.all).toHaveLength(1)
  expect([a.status, b.status]).toEqual(['connected', 'connected'])
  FakeSocket.last.say(at(1)).say(at(2))
  await settle()
  expect(heard).toEqual([
    [1, 2],
    [1, 2],
  ])
})

it('gives an answer to the one that asked', async () => {
  const [a, b] = await two()
  const answers = [a.request('n'), b.request('n')]
  await settle()
  const ids = FakeSocket.last.sent.map((command) => command.id)
  expect(new Set(ids).size).toBe(2)
  FakeSocket.last.say({ type: 'reply', data: 'second', id: ids[1] }).say({ type: 'reply', data: 'first', id: ids[0] })
  await settle()
  expect(await Promise.all(answers)).toEqual(['first', 'second'])
})

it('ends a subscription with its last subscriber', async () => {
  const [a, b] = await two()
  const one = a.subscribe('r')
  const other = b.subscribe('r')
  await settle()
  one.unsubscribe()
  await settle()
  expect(FakeSocket.last.sent.filter((command) => command.action === 'unsubscribe')).toHaveLength(0)
  other.unsubscribe()
  await settle()
  expect(FakeSocket.last.sent.filter((command) => command.action === 'unsubscribe')).toHaveLength(1)
})

it('does not lose a room with another tab that was in it first', async () => {
  const [a] = await two()
  const one = a.subscribe('r')
  await settle()
  FakeSocket.last.say({ type: 'subscribed', data: { room: 'r', epoch: 'e', offset: 0, recovered: false } })
  FakeSocket.last.say({ type: 'x', data: 1, room: 'r', offset: 1, message_id: 'r1' })
  await settle()
  const late = tab()
  late.subscribe('r')
  await settle()
  one.unsubscribe()
  await settle()
  const said = FakeSocket.last.sent.map(({ action, room }) => `${String(action)} ${String(room)}`)
  expect(said).toEqual(['subscribe r', 'subscribe r'])
})

it('greets a tab that comes later with where things stand', async () => {
  await two()
  FakeSocket.last.say(at(1)).say(at(2))
  await settle()
  const gaps: Gap[] = []
  const late = tab({ positions: { '@all': { epoch: 'e', offset: 1 } }, autoConnect: false })
  late.onGap((gap) => gaps.push(gap))
  late.connect()
  await settle()
  expect(late.status).toBe('connected')
  expect(gaps).toEqual([{ room: '@all', missed: 0, reason: 'not_recovered' }])
  const current = tab({ positions: { '@all': { epoch: 'e', offset: 2 } } })
  current.onGap((gap) => gaps.push(gap))
  await settle()
  expect([current.status, gaps.length]).toEqual(['connected', 1])
})

it('goes on from where each was when the leading tab goes', async () => {
  const [, , heard] = await two()
  FakeSocket.last.say(at(1))
  await settle()
  // The leader's page has gone: its channel is silent, its lock free, its socket closed by the browser.
  channels.shift()
  queue.shift()?.()
  await vi.advanceTimersByTimeAsync(100)
  expect(FakeSocket.all).toHaveLength(2)
  expect(FakeSocket.last.resume).toEqual({ '@all': ['e', 1] })
  FakeSocket.last.greet({ rooms: { '@all': { epoch: 'e', offset: 2, recovered: true } } }).say(at(2))
  await settle()
  expect(heard[1]).toEqual([1, 2])
})

it('closes the socket with the last tab', async () => {
  const [a, b] = await two()
  a.close()
  await settle()
  expect(FakeSocket.last.closedWith).toBeUndefined()
  b.close()
  await settle()
  expect(FakeSocket.last.closedWith).toBe(1000)
})

it('has a socket of its own where tabs cannot share', async () => {
  vi.stubGlobal('BroadcastChannel', undefined)
  tab()
  tab()
  await settle()
  expect(FakeSocket.all).toHaveLength(2)
})
