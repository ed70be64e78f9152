// What goes wrong around the client, rather than with the connection: tokens, addresses and handlers that fail, limits, sleep.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createClient, type Client, type ClientOptions, type Gap } from '../../node/client/index.js'
import { FakeSocket } from './fake_server.js'

let client: Client

const make = (options: Partial<ClientOptions> = {}): Client => {
  client = createClient({ url: 'ws://server/ws', WebSocket: FakeSocket as never, random: () => 1, ...options })
  return client
}
const settle = () => vi.advanceTimersByTimeAsync(0)
const open = async (options: Partial<ClientOptions> = {}, greeting: Record<string, unknown> = {}) => {
  make(options)
  await settle()
  return FakeSocket.last.greet(greeting)
}
const rooms = (offset: number, recovered = false, epoch = 'e') => ({ rooms: { r: { epoch, offset, recovered } } })

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.all = []
})
afterEach(async () => {
  client.close()
  await settle()
  expect(vi.getTimerCount(), 'timers that outlive close()').toBe(0)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('gives up on a token that never comes, and asks again', async () => {
  let asked = 0
  make({ getToken: () => (asked++ ? 'jwt' : new Promise<string>(() => {})), connectTimeout: 1000 })
  await vi.advanceTimersByTimeAsync(1300)
  expect([client.status, client.error?.message]).toEqual(['reconnecting', 'nothing was heard for 1 s'])
  await vi.advanceTimersByTimeAsync(1000)
  FakeSocket.last.greet()
  expect(client.status).toBe('connected')
})

it('tries again after a getToken() or a url() that throws, and says why meanwhile', async () => {
  let n = 0
  const failing = (value: string) => () => {
    if (n++ < 2) throw new Error(`no ${value} yet`)
    return value
  }
  make({ getToken: failing('token') })
  await vi.advanceTimersByTimeAsync(500)
  expect([client.status, client.error?.message]).toEqual(['reconnecting', 'getToken() failed: Error: no token yet'])
  await vi.advanceTimersByTimeAsync(3000)
  expect(FakeSocket.last.protocols).toContain('wsm.bearer.token')
  client.close()
  n = 0
  FakeSocket.all = []
  make({ url: failing('ws://server/late') })
  await vi.advanceTimersByTimeAsync(500)
  expect([client.status, client.error?.message]).toEqual(['reconnecting', 'Error: no ws://server/late yet'])
  await vi.advanceTimersByTimeAsync(3000)
  expect(FakeSocket.last.url).toBe('ws://server/late')
})

it('fails at once on a text that is no URL', async () => {
  make({ url: 'ws://[' })
  await settle()
  expect([client.status, FakeSocket.all.length]).toEqual(['failed', 0])
  expect(client.error?.message).toContain('Invalid URL')
})

it('fails where the server wants another token and there is none, until somebody asks again', async () => {
  let token: string | null = 'old'
  await open({ getToken: () => token })
  token = null
  FakeSocket.last.end(4401, 'the token has expired')
  await vi.advanceTimersByTimeAsync(1000)
  expect([client.status, client.error?.message, client.error?.closeCode]).toEqual([
    'failed',
    'the token has expired',
    4401,
  ])
  expect(FakeSocket.all).toHaveLength(1)
  token = 'new'
  client.reconnect()
  await settle()
  expect(FakeSocket.last.protocols).toContain('wsm.bearer.new')
})

it('survives a renewal that fails, and tries it again', async () => {
  let fail = false
  const expires_at = new Date(Date.now() + 120_000).toISOString()
  const socket = await open(
    {
      getToken: async () => {
        if (fail) throw new Error('away')
        return 'jwt'
      },
    },
    { expires_at },
  )
  fail = true
  await vi.advanceTimersByTimeAsync(30_000)
  socket.say({ type: 'heartbeat', data: {} })
  await vi.advanceTimersByTimeAsync(31_000)
  fail = false
  expect(socket.sent).toEqual([])
  await vi.advanceTimersByTimeAsync(10_000)
  expect(socket.sent).toEqual([{ action: 'auth', token: 'jwt' }])
})

it('is not held up by handlers of gaps and changes that throw', async () => {
  const reported: unknown[] = []
  vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
  make({ positions: { r: { epoch: 'e', offset: 3 } } })
  const gaps: Gap[] = []
  client.onGap(() => {
    throw new Error('in a gap handler')
  })
  client.onGap((gap) => gaps.push(gap))
  const off = client.onChange(() => {
    throw new Error('in a change handler')
  })
  await settle()
  FakeSocket.last.greet(rooms(9, false, 'f'))
  expect([client.status, gaps.length]).toEqual(['connected', 1])
  off()
  expect(reported.map(String)).toContain('Error: in a gap handler')
})

it('goes on from where a gap ends, in the epoch that it names', async () => {
  const socket = await open({}, rooms(100))
  const seen: unknown[] = []
  client.on('x', (message) => seen.push(message.data))
  socket.say({ type: 'gap', data: { room: 'r', epoch: 'f', offset: 20, missed: 0 } })
  socket.say({ type: 'x', data: 21, room: 'r', offset: 21 })
  socket.end()
  await vi.advanceTimersByTimeAsync(1000)
  expect(seen).toEqual([21])
  expect(FakeSocket.last.resume).toEqual({ r: ['f', 21] })
})

it('stays with the host that it has once reached', async () => {
  await open({ url: 'ws://localhost/ws' })
  FakeSocket.last.end()
  for (const wait of [1000, 2000, 4000]) {
    await vi.advanceTimersByTimeAsync(wait)
    FakeSocket.last.end() // the server is away
  }
  expect(new Set(FakeSocket.all.map(({ url }) => new URL(url).hostname))).toEqual(new Set(['localhost']))
})

it('does not carry out later what it has said to have failed', async () => {
  make()
  const late = client.request('delete', {}, { timeout: 500 })
  const control = new AbortController()
  const aborted = client.request('delete', {}, { signal: control.signal })
  const good = client.request('keep', {}, { timeout: 60_000 })
  const errors = Promise.allSettled([late, aborted])
  control.abort()
  await vi.advanceTimersByTimeAsync(600)
  expect((await errors).map((each) => (each as PromiseRejectedResult).reason.code)).toEqual(['timeout', 'aborted'])
  FakeSocket.last.greet()
  expect(FakeSocket.last.sent.map((command) => command.action)).toEqual(['keep'])
  FakeSocket.last.say({ type: 'reply', data: 1, id: FakeSocket.last.sent[0].id })
  expect(await good).toBe(1)
})

it.each(['drop_oldest', 'drop_newest'] as const)('tells who asked that the queue is full: %s', async (queuePolicy) => {
  make({ queueSize: 1, queuePolicy })
  const [first, second] = await Promise.all(
    [client.request('a'), client.request('b')].map((answer) =>
      Promise.race([answer.catch((error: Error & { code: string }) => error.code), settle().then(() => 'waits')]),
    ),
  )
  expect([first, second]).toEqual(queuePolicy === 'drop_oldest' ? ['queue_full', 'waits'] : ['waits', 'queue_full'])
  client.request('c').catch(() => {})
})

it('gets into all of its rooms, even if that is more at once than the server takes', async () => {
  const socket = await open()
  const names = Array.from({ length: 5 }, (_, i) => `r${i}`)
  for (const name of names) client.subscribe(name)
  const answer = (command: Record<string, unknown>) =>
    socket.say({ type: 'subscribed', data: { room: command.room, epoch: 'e', offset: 0, recovered: false } })
  socket.sent.slice(0, 3).forEach(answer)
  for (let i = 0; i < 2; i++)
    socket.say({ type: 'error', data: { code: 'rate_limited', message: 'too much', action: null, retry_after_ms: 20 } })
  await vi.advanceTimersByTimeAsync(1000)
  expect(socket.sent.slice(5).map((command) => command.room)).toEqual(['r3', 'r4'])
  socket.sent.slice(5).forEach(answer)
  await vi.advanceTimersByTimeAsync(5000)
  expect(socket.sent).toHaveLength(7)
})

it('asks whether the connection has outlived a change of the network, and does not wait long for the answer', async () => {
  const listeners: Record<string, () => void> = {}
  vi.stubGlobal('addEventListener', (name: string, listener: () => void) => (listeners[name] = listener))
  vi.stubGlobal('removeEventListener', () => {})
  const socket = await open({ connectTimeout: 2000 })
  listeners.online()
  listeners.online()
  expect(socket.sent).toEqual([{ action: 'ping' }])
  await vi.advanceTimersByTimeAsync(1000)
  socket.say({ type: 'pong', data: {} })
  await vi.advanceTimersByTimeAsync(5000)
  expect(client.status).toBe('connected')
  listeners.offline()
  await vi.advanceTimersByTimeAsync(2100)
  expect(client.status).toBe('reconnecting')
})

it('holds no connection while its page is in the browser’s cache, and is back at once with it', async () => {
  const listeners: Record<string, (event: object) => void> = {}
  vi.stubGlobal('addEventListener', (name: string, listener: () => void) => (listeners[name] = listener))
  vi.stubGlobal('removeEventListener', () => {})
  const socket = await open({ random: () => 0.01 }, rooms(4))
  listeners.pagehide({ persisted: false }) // it will not come back
  expect(client.status).toBe('connected')
  listeners.pagehide({ persisted: true })
  expect([client.status, socket.closedWith]).toEqual(['reconnecting', 1000])
  await vi.advanceTimersByTimeAsync(250) // before it is frozen
  expect(FakeSocket.all).toHaveLength(1)
  listeners.pageshow({ persisted: true })
  await settle()
  expect([FakeSocket.all.length, FakeSocket.last.resume]).toEqual([2, { r: ['e', 4] }])
  FakeSocket.last.end() // this time it waits, or has no socket yet
  listeners.pagehide({ persisted: true })
  await vi.advanceTimersByTimeAsync(5000)
  expect(FakeSocket.all).toHaveLength(2)
  listeners.pageshow({ persisted: true })
  listeners.pagehide({ persisted: true })
  await vi.advanceTimersByTimeAsync(250)
  expect(FakeSocket.all).toHaveLength(2)
  listeners.pageshow({ persisted: true })
  await settle()
  expect(FakeSocket.all).toHaveLength(3)
})

it('ends cleanly in each of its states', async () => {
  for (const bring of [
    async () => {},
    async () => void client.connect(),
    async () => (client.connect(), await settle()),
    async () => (client.connect(), await settle(), void FakeSocket.last.accept()),
    async () => (client.connect(), await settle(), void FakeSocket.last.greet(rooms(1))),
    async () => (client.connect(), await settle(), FakeSocket.last.end()),
    async () => (client.connect(), await settle(), FakeSocket.last.end(4403, 'no')),
    async () => (client.connect(), await settle(), FakeSocket.last.greet(), client.disconnect()),
  ]) {
    make({ autoConnect: false, getToken: async () => 't' })
    await bring()
    const answer = client.request('x').catch((error: Error & { code: string }) => error.code)
    client.close()
    client.close()
    expect(await answer).toBe('closed')
    expect(vi.getTimerCount()).toBe(0)
    const n = FakeSocket.all.length
    await vi.advanceTimersByTimeAsync(100_000)
    expect([client.status, FakeSocket.all.length]).toEqual(['disconnected', n])
  }
})

it('unsubscribes while it is away, and does not come back into the room', async () => {
  await open()
  const room = client.subscribe('r')
  FakeSocket.last.say({ type: 'subscribed', data: { room: 'r', epoch: 'e', offset: 4, recovered: false } })
  FakeSocket.last.end()
  room.unsubscribe()
  await vi.advanceTimersByTimeAsync(1000)
  FakeSocket.last.greet()
  expect([FakeSocket.last.sent, FakeSocket.last.resume]).toEqual([[], null])
})

it('subscribes again where the connection ended before the answer came', async () => {
  await open()
  client.subscribe('r')
  FakeSocket.last.end()
  await vi.advanceTimersByTimeAsync(1000)
  FakeSocket.last.greet()
  expect(FakeSocket.last.sent).toEqual([{ action: 'subscribe', room: 'r' }])
})

// ---- polling ----

type Page = { messages: object[]; epoch: string | null; offset: number; recovered: boolean }
const page = (n: number[], offset: number, recovered = true, epoch: string | null = 'e'): Page => ({
  messages: n.map((each) => ({ type: 'x', data: each, room: 'r', offset: each })),
  epoch,
  offset,
  recovered,
})

async function polling(pages: (Page | null)[], options: Partial<ClientOptions> = {}) {
  const asked: (string | null)[] = []
  const heard: unknown[] = []
  const gaps: Gap[] = []
  make({
    poll: { after: 0, interval: 1000 },
    positions: { r: { epoch: 'e', offset: 1 } },
    fetch: (async (url: string, { signal }: { signal: AbortSignal }) => {
      asked.push(new URL(url).searchParams.get('since'))
      const next = pages.shift()
      if (next === undefined)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
      return { ok: next !== null, statusText: 'no', json: async () => next }
    }) as never,
    ...options,
  })
  client.on('x', (message) => heard.push(message.data))
  client.onGap((gap) => gaps.push(gap))
  await settle()
  FakeSocket.last.end()
  await settle()
  return { asked, heard, gaps }
}

it('polls page by page, from where it was', async () => {
  const many = Array.from({ length: 256 }, (_, i) => i + 2)
  const { asked, heard } = await polling([page(many, 257), page([258], 258)])
  expect([asked, heard, client.status]).toEqual([['e:1', 'e:257'], [...many, 258], 'degraded'])
})

it('is degraded only while polling brings answers', async () => {
  await polling([null, page([], 1), null])
  expect(client.status).toBe('reconnecting')
  await vi.advanceTimersByTimeAsync(1000)
  expect(client.status).toBe('degraded')
  await vi.advanceTimersByTimeAsync(1000)
  expect(client.status).toBe('reconnecting')
})

it('tells once of what polling finds to be gone, and of a room that was not there meanwhile', async () => {
  const none = page([], 0, false, null)
  const { gaps, asked, heard } = await polling([none, none, page([], 2, false, 'f'), page([3], 3, true, 'f')])
  await vi.advanceTimersByTimeAsync(1000)
  expect(gaps).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(2000)
  expect([gaps.length, asked.slice(0, 4), heard]).toEqual([2, ['e:1', ':0', ':0', 'f:2'], [3]])
})

it('is not stuck in a poll, or in a token for it, that never ends', async () => {
  let tokens = 0
  const { asked } = await polling([], {
    connectTimeout: 2000,
    getToken: () => (tokens++ % 2 ? new Promise<string>(() => {}) : 't'),
  })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(asked.length).toBeGreaterThan(1)
})
