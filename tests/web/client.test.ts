// Every transition of the client, by a server that the test plays and a clock that it turns.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient, type Client, type ClientOptions, type Gap, type Message } from '../../node/client/index.js'
import { FakeSocket } from './fake_server.js'

let client: Client

const make = (options: Partial<ClientOptions> = {}): Client => {
  client = createClient({ url: 'ws://server/ws', WebSocket: FakeSocket as never, random: () => 1, ...options })
  return client
}
/** After which getToken() has been awaited and the socket made. */
const settle = () => vi.advanceTimersByTimeAsync(0)

const open = async (
  options: Partial<ClientOptions> = {},
  greeting: Record<string, unknown> = {},
): Promise<FakeSocket> => {
  make(options)
  await settle()
  return FakeSocket.last.greet(greeting)
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.all = []
})
afterEach(() => {
  client.close()
  vi.useRealTimers()
})

describe('connecting', () => {
  it('is connected once it is greeted, not before', async () => {
    make()
    expect(client.status).toBe('connecting')
    await settle()
    FakeSocket.last.accept()
    expect(client.status).toBe('connecting')
    FakeSocket.last.greet({ client_id: 'me', user_id: 'u' })
    expect(client.status).toBe('connected')
    expect([client.clientId, client.userId]).toEqual(['me', 'u'])
  })

  it('gives up an attempt that is not greeted in time', async () => {
    make({ connectTimeout: 1000 })
    await settle()
    FakeSocket.last.accept()
    await vi.advanceTimersByTimeAsync(1300)
    expect(FakeSocket.all[0].closedWith).toBeDefined()
    expect(client.status).toBe('reconnecting')
  })

  it('says at once that there is no WebSocket, and waits for nothing', async () => {
    vi.stubGlobal('WebSocket', undefined)
    const words = /no WebSocket here.*createClient\(\{ url, WebSocket \}\)/
    make({ WebSocket: undefined })
    expect([client.status, client.error?.code]).toEqual(['failed', 'no_websocket'])
    expect(client.error?.message).toMatch(words)
    expect(() => client.connect()).toThrow(words)
    expect(() => client.send('x')).toThrow(words)
    await expect(client.request('x')).rejects.toThrow(words)
    make({ WebSocket: undefined, autoConnect: false })
    expect(client.status).toBe('disconnected')
    await expect(client.request('x')).rejects.toThrow(words)
    expect(client.status).toBe('failed')
    vi.stubGlobal('WebSocket', FakeSocket)
    client.connect()
    await settle()
    FakeSocket.last.greet()
    expect(client.status).toBe('connected')
    vi.unstubAllGlobals()
  })

  it('keeps the last reason when it gives up', async () => {
    make({ maxReconnectAttempts: 1 })
    for (const reason of ['first', 'the server is full']) {
      await settle()
      FakeSocket.last.accept().end(1013, reason)
      await vi.advanceTimersByTimeAsync(1000)
    }
    expect(client.error?.message).toBe('1 attempts to connect have failed; the last one: the server is full')
    expect(client.error?.closeCode).toBe(1013)
  })

  it('takes times without an end for what they are', async () => {
    const socket = await open({ heartbeatTimeout: Infinity, requestTimeout: Infinity, connectTimeout: Infinity })
    const answer = client.request('x')
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(vi.getTimerCount()).toBeLessThan(5)
    expect(client.status).toBe('connected')
    socket.say({ type: 'reply', id: 1, data: 'late' })
    expect(await answer).toBe('late')
  })

  it.each([{}, null, 'x', -1, 1e300, { toString: null }])('lives with a greeting of %j', async (odd) => {
    const greeting = { client_id: odd, user_id: odd, expires_at: odd, heartbeat_interval: odd, rooms: { a: odd } }
    await open({ getToken: () => 'token' }, greeting)
    await vi.advanceTimersByTimeAsync(3000)
    expect([client.status, client.userId]).toEqual(['connected', odd === 'x' ? 'x' : null])
    expect(vi.getTimerCount()).toBeLessThan(5)
  })

  it('does not connect by itself where it is told not to', async () => {
    make({ autoConnect: false })
    await settle()
    expect(FakeSocket.all).toHaveLength(0)
    expect(client.status).toBe('disconnected')
    client.connect()
    await settle()
    expect(FakeSocket.all).toHaveLength(1)
  })

  it('puts session, token and parameters where the server looks for them', async () => {
    make({ url: 'https://server/ws?x=1', sessionId: 's 1', query: { level: 'error' }, getToken: () => 'jwt' })
    await settle()
    const url = new URL(FakeSocket.last.url)
    expect(url.protocol).toBe('wss:')
    expect(Object.fromEntries(url.searchParams)).toEqual({ x: '1', level: 'error', session_id: 's 1' })
    expect(FakeSocket.last.protocols).toEqual(['ws_manager.v1', 'wsm.bearer.jwt'])
  })

  it('sends the token as the first message where it is told so', async () => {
    make({ getToken: async () => 'jwt', tokenIn: 'message' })
    await settle()
    expect(FakeSocket.last.protocols).toBeUndefined()
    FakeSocket.last.accept()
    expect(FakeSocket.last.sent).toEqual([{ action: 'auth', token: 'jwt' }])
  })

  it('tries 127.0.0.1 where localhost does not answer, and localhost again', async () => {
    make({ url: 'ws://localhost:8000/ws' })
    await settle()
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(2000)
    FakeSocket.last.greet().end()
    await vi.advanceTimersByTimeAsync(1000)
    expect(FakeSocket.all.map((socket) => new URL(socket.url).hostname)).toEqual([
      'localhost',
      '127.0.0.1',
      'localhost',
      'localhost',
    ])
  })

  it('fails at once on a URL that is none', async () => {
    const Broken = class {
      constructor() {
        throw new SyntaxError('no URL')
      }
    }
    make({ WebSocket: Broken as never })
    await settle()
    expect(client.status).toBe('failed')
    expect(client.error?.message).toContain('no URL')
  })
})

describe('reconnecting', () => {
  it('waits with full jitter, from one second to thirty', async () => {
    const waits: number[] = []
    await open()
    for (let i = 0; i < 8; i++) {
      const before = FakeSocket.all.length
      FakeSocket.last.end()
      const start = Date.now()
      while (FakeSocket.all.length === before) await vi.advanceTimersToNextTimerAsync()
      waits.push(Date.now() - start)
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it('waits any share of that time', async () => {
    await open({ random: () => 0.25 })
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(249)
    expect(FakeSocket.all).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2)
    expect(FakeSocket.all).toHaveLength(2)
  })

  it('begins anew after a connection that was greeted', async () => {
    await open()
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(2000)
    FakeSocket.last.greet().end()
    await vi.advanceTimersByTimeAsync(1000)
    expect(FakeSocket.all).toHaveLength(4)
  })

  it('fails after so many attempts, until it is asked to go on', async () => {
    await open({ maxReconnectAttempts: 2 })
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(2000)
    FakeSocket.last.end()
    expect(client.status).toBe('failed')
    expect(client.error?.message).toBe('2 attempts to connect have failed; the last one: closed with 1006')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(FakeSocket.all).toHaveLength(3)
    client.reconnect()
    await settle()
    FakeSocket.last.greet()
    expect(client.status).toBe('connected')
    expect(client.error).toBeNull()
  })

  it.each([1002, 1003, 1007, 1009, 4400, 4403, 4409])('stops at close code %i', async (code) => {
    const socket = await open()
    socket.end(code, 'not like this')
    expect(client.status).toBe('failed')
    expect(client.error?.message).toBe('not like this')
    await vi.advanceTimersByTimeAsync(100_000)
    expect(FakeSocket.all).toHaveLength(1)
  })

  it.each([1001, 1006, 1011, 1012, 1013, 4408, 4413, 4429])('goes on after close code %i', async (code) => {
    const socket = await open()
    socket.end(code)
    expect(client.status).toBe('reconnecting')
    await vi.advanceTimersByTimeAsync(1000)
    expect(FakeSocket.all).toHaveLength(2)
  })

  it('gets a new token after 4401, and stops where nobody gives one', async () => {
    let n = 0
    await open({ getToken: () => `t${++n}` })
    FakeSocket.last.end(4401, 'expired')
    await vi.advanceTimersByTimeAsync(1000)
    expect(FakeSocket.last.protocols).toContain('wsm.bearer.t2')
    client.close()
    const socket = await open()
    socket.end(4401, 'a token is needed')
    expect(client.status).toBe('failed')
  })

  it('does not come back after disconnect()', async () => {
    const socket = await open()
    client.disconnect()
    expect(socket.closedWith).toBe(1000)
    expect(client.status).toBe('disconnected')
    await vi.advanceTimersByTimeAsync(100_000)
    expect(FakeSocket.all).toHaveLength(1)
  })

  it('does not open what was called off while the token was awaited', async () => {
    let give: (token: string) => void = () => {}
    make({ getToken: () => new Promise<string>((resolve) => (give = resolve)) })
    client.disconnect()
    give('late')
    await settle()
    expect(FakeSocket.all).toHaveLength(0)
  })

  it('takes up the time that the server names while it shuts down', async () => {
    const socket = await open()
    socket.end(1001, 'the server is shutting down; reconnect in 7.25 s')
    await vi.advanceTimersByTimeAsync(7249)
    expect(FakeSocket.all).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2)
    expect(FakeSocket.all).toHaveLength(2)
  })
})

describe('recovery', () => {
  const at = (room: string, offset: number, more: object = {}) => ({
    type: 'x',
    data: offset,
    room,
    offset,
    message_id: `${room}${offset}`,
    ...more,
  })

  it('asks for what it missed, by room', async () => {
    const socket = await open({}, { rooms: { '@all': { epoch: 'e', offset: 3, recovered: false } } })
    socket
      .say(at('@all', 4))
      .say(at('other', 1, { epoch: 'o' }))
      .say(at('other', 2))
    socket.end()
    await vi.advanceTimersByTimeAsync(1000)
    expect(FakeSocket.last.resume).toEqual({ '@all': ['e', 4], other: ['o', 2] })
  })

  it('starts from where the page was rendered', async () => {
    await open({ positions: { 'project:1': { epoch: 'é', offset: 7 } } })
    const bytes = Uint8Array.from(
      atob(new URL(FakeSocket.last.url).searchParams.get('resume')!.replace(/-/g, '+').replace(/_/g, '/')),
      (c) => c.charCodeAt(0),
    )
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({ 'project:1': ['é', 7] })
  })

  it('hands each message on once', async () => {
    const seen: unknown[] = []
    const socket = await open({}, { rooms: { r: { epoch: 'e', offset: 0, recovered: false } } })
    client.on('x', (message) => seen.push(message.data))
    socket.say(at('r', 1)).say(at('r', 2)).say(at('r', 2)).say(at('r', 1)).say(at('r', 3))
    socket.say({ type: 'x', data: 'a', message_id: 'm1' }).say({ type: 'x', data: 'a', message_id: 'm1' })
    expect(seen).toEqual([1, 2, 3, 'a'])
  })

  it('tells of a room that could not be recovered', async () => {
    const gaps: Gap[] = []
    const socket = await open({}, { rooms: { r: { epoch: 'e', offset: 5, recovered: false } } })
    client.onGap((gap) => gaps.push(gap))
    socket.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.greet({ rooms: { r: { epoch: 'new', offset: 2, recovered: false } } })
    FakeSocket.last.say({ type: 'gap', data: { room: 'r', missed: 9, epoch: 'new', offset: 11 } })
    expect(gaps).toEqual([
      { room: 'r', missed: 0, reason: 'not_recovered' },
      { room: 'r', missed: 9, reason: 'gap' },
    ])
  })

  it('subscribes again, from where it was', async () => {
    const socket = await open()
    client.subscribe('r')
    socket.say({ type: 'subscribed', data: { room: 'r', epoch: 'e', offset: 4, recovered: false, replayed: 0 } })
    socket.say(at('r', 5))
    socket.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.greet()
    expect(FakeSocket.last.sent).toEqual([{ action: 'subscribe', room: 'r', since: { epoch: 'e', offset: 5 } }])
  })
})

describe('hearing', () => {
  it('gives both kinds of message to the same handlers', async () => {
    const seen: unknown[] = []
    const socket = await open()
    client.on('processing_progress', (message) => seen.push(message.data))
    socket.say({ event_type: 'processing_progress', image_id: 'i', progress: 1, timestamp: 't', message_id: 'a' })
    socket.say({ type: 'processing_progress', data: { image_id: 'j' }, message_id: 'b' })
    expect(seen).toEqual([{ image_id: 'i', progress: 1 }, { image_id: 'j' }])
  })

  it('goes on after a handler that throws, and reports it', async () => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const seen = vi.fn()
    const socket = await open()
    client.on('x', () => {
      throw new Error('mine')
    })
    client.on('x', seen)
    socket.say({ type: 'x', data: 1 })
    expect(seen).toHaveBeenCalledOnce()
    expect(reported).toHaveBeenCalledOnce()
    vi.unstubAllGlobals()
  })

  it('shares one subscription of the server among handlers, and ends it with the last', async () => {
    const first = vi.fn<(message: Message) => void>()
    const second = vi.fn<(message: Message) => void>()
    const socket = await open()
    const one = client.subscribe('r', first)
    const two = client.subscribe('r', second)
    socket.say({ type: 'x', data: 1, room: 'r' })
    one.unsubscribe()
    one.unsubscribe()
    socket.say({ type: 'x', data: 2, room: 'r' })
    two.unsubscribe()
    socket.say({ type: 'x', data: 3, room: 'r' })
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 2])
    expect(socket.sent).toEqual([
      { action: 'subscribe', room: 'r' },
      { action: 'unsubscribe', room: 'r' },
    ])
  })

  it('survives what is no JSON', async () => {
    const texts: unknown[] = []
    const socket = await open()
    client.on('text', (message) => texts.push(message.data))
    socket.say('hello').say('[1]').say('{')
    expect(texts).toEqual(['hello', '[1]', '{'])
    expect(client.status).toBe('connected')
  })
})

describe('saying', () => {
  it('keeps what is said while it is not connected', async () => {
    make()
    client.send('one', { n: 1 })
    await settle()
    client.send('two')
    FakeSocket.last.greet()
    client.send('three')
    expect(FakeSocket.last.sent.map((command) => command.action)).toEqual(['one', 'two', 'three'])
  })

  it.each([
    ['drop_oldest', ['2', '3']],
    ['drop_newest', ['1', '2']],
  ] as const)('bounds the queue: %s', async (queuePolicy, left) => {
    make({ queueSize: 2, queuePolicy })
    for (const name of ['1', '2', '3']) client.send(name)
    expect(client.droppedMessages).toBe(1)
    await settle()
    FakeSocket.last.greet()
    expect(FakeSocket.last.sent.map((command) => command.action)).toEqual(left)
  })

  it('does not send later what was said to have failed', async () => {
    make({ queueSize: 3 })
    const stop = new AbortController()
    const failed = ['late', 'aborted', 'never'].map((action, i) => {
      if (i === 2) stop.abort()
      return client.request(action, {}, i ? { signal: stop.signal } : { timeout: 50 }).catch((error) => error.code)
    })
    client.send('still')
    await vi.advanceTimersByTimeAsync(60)
    expect(await Promise.all(failed)).toEqual(['timeout', 'aborted', 'aborted'])
    FakeSocket.last.greet()
    expect(FakeSocket.last.sent).toEqual([{ action: 'still' }])
    await client.request('x', {}, { signal: stop.signal }).catch(() => {})
    expect(FakeSocket.last.sent).toHaveLength(1)
  })

  it.each([
    ['drop_oldest', ['queue_full', 'ok']],
    ['drop_newest', ['ok', 'queue_full']],
    ['throw', ['ok', 'queue_full']],
  ] as const)('tells a request that the queue has no room for it: %s', async (queuePolicy, outcome) => {
    make({ queueSize: 1, queuePolicy })
    const said = ['one', 'two'].map((action) =>
      client.request<string>(action).catch((error: { code: string }) => error.code),
    )
    await settle()
    FakeSocket.last.greet()
    const [{ id }] = FakeSocket.last.sent
    FakeSocket.last.say({ type: 'reply', id, data: 'ok' })
    expect(await Promise.all(said)).toEqual(outcome)
  })

  it('bounds the queue: throw', () => {
    make({ queueSize: 1, queuePolicy: 'throw' })
    client.send('1')
    expect(() => client.send('2')).toThrow('waiting for a connection')
  })

  it('answers a request with what came back, or with its error', async () => {
    const socket = await open()
    const good = client.request('cancel', { job: 1 })
    const bad = client.request('dance')
    socket.say({ type: 'reply', data: { cancelled: true }, id: 1 })
    socket.say({ type: 'error', data: { code: 'unknown_action', message: 'no', action: 'dance' }, id: 2 })
    await expect(good).resolves.toEqual({ cancelled: true })
    await expect(bad).rejects.toMatchObject({ code: 'unknown_action' })
  })

  it('ends a request by time, by signal and by the end of the connection', async () => {
    const socket = await open({ requestTimeout: 500 })
    const controller = new AbortController()
    const ends = [
      client.request('a').catch((error: { code: string }) => error.code),
      client
        .request('b', {}, { signal: controller.signal, timeout: 5000 })
        .catch((error: { code: string }) => error.code),
      client.request('c', {}, { timeout: 5000 }).catch((error: { code: string }) => error.code),
    ]
    controller.abort()
    await vi.advanceTimersByTimeAsync(500)
    socket.end()
    expect(await Promise.all(ends)).toEqual(['timeout', 'aborted', 'closed'])
  })

  it('asks for a new token before the old one ends', async () => {
    let n = 0
    const expires = new Date(Date.now() + 300_000).toISOString()
    const socket = await open({ getToken: () => `t${++n}`, heartbeatTimeout: 1e9 }, { expires_at: expires })
    await vi.advanceTimersByTimeAsync(239_000)
    expect(socket.sent).toEqual([])
    await vi.advanceTimersByTimeAsync(2000)
    expect(socket.sent).toEqual([{ action: 'auth', token: 't2' }])
    socket.say({ type: 'token_expiring', data: {} })
    await settle()
    expect(socket.sent).toHaveLength(2)
  })
})

describe('watching', () => {
  it('takes a connection for dead that says nothing', async () => {
    const socket = await open({}, { heartbeat_interval: 10 })
    await vi.advanceTimersByTimeAsync(40_000)
    socket.say({ type: 'heartbeat', data: {} })
    await vi.advanceTimersByTimeAsync(40_000)
    expect(client.status).toBe('connected')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(client.status).toBe('reconnecting')
    expect(socket.closedWith).toBeDefined()
  })

  it('gives the server another chance after a sleep', async () => {
    const socket = await open()
    vi.setSystemTime(Date.now() + 3_600_000) // the computer slept: time went by, timers did not
    await vi.advanceTimersByTimeAsync(15_000)
    expect(client.status).toBe('connected')
    expect(socket.sent).toEqual([{ action: 'ping' }])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(client.status).toBe('reconnecting')
  })

  it('is not disturbed by a clock that is put back', async () => {
    const socket = await open()
    vi.setSystemTime(Date.now() - 3_600_000)
    await vi.advanceTimersByTimeAsync(30_000)
    socket.say({ type: 'heartbeat', data: {} })
    await vi.advanceTimersByTimeAsync(30_000)
    expect(client.status).toBe('connected')
  })

  it('tries at once when the network is back', async () => {
    const listeners: Record<string, () => void> = {}
    vi.stubGlobal('addEventListener', (name: string, listener: () => void) => (listeners[name] = listener))
    vi.stubGlobal('removeEventListener', (name: string) => delete listeners[name])
    await open()
    FakeSocket.last.end()
    listeners.online()
    await settle()
    expect(FakeSocket.all).toHaveLength(2)
    client.disconnect()
    expect(Object.keys(listeners)).toEqual([])
    vi.unstubAllGlobals()
  })

  it('tells of each change, and only of changes', async () => {
    const changed = vi.fn()
    make()
    client.onChange(changed)
    await settle()
    FakeSocket.last.greet()
    const n = changed.mock.calls.length
    await vi.advanceTimersByTimeAsync(20_000)
    expect(changed).toHaveBeenCalledTimes(n)
  })
})

describe('polling', () => {
  it('brings messages where no socket gets through, and stops when one does', async () => {
    const asked: string[] = []
    let offset = 2
    const answer = () => ({
      ok: true,
      json: async () => ({
        messages: [{ type: 'x', data: offset, room: 'r', offset }],
        epoch: 'e',
        offset: offset++,
        recovered: true,
      }),
    })
    const seen: unknown[] = []
    make({
      poll: { after: 1, interval: 1000 },
      positions: { r: { epoch: 'e', offset: 1 } },
      fetch: (async (url: string) => (asked.push(url), answer())) as never,
    })
    client.on('x', (message) => seen.push(message.data))
    await settle()
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(1000)
    FakeSocket.last.end()
    await vi.advanceTimersByTimeAsync(1500)
    expect(client.status).toBe('degraded')
    expect(asked[0]).toBe('http://server/api/ws/history?room=r&limit=256&since=e%3A1')
    expect(seen).toEqual([2, 3])
    await vi.advanceTimersByTimeAsync(500)
    FakeSocket.last.greet({ rooms: { r: { epoch: 'e', offset, recovered: true } } })
    expect(client.status).toBe('connected')
    const n = asked.length
    await vi.advanceTimersByTimeAsync(10_000)
    expect(asked).toHaveLength(n)
  })
})
