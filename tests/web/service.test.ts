// WebSocketService, and what it needs of the client: reconnections, close codes, messages of any shape.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocketService, createClient } from '../../node/client/index.js'
import { FakeSocket } from './fake_server.js'

const options = { url: 'ws://server/ws', WebSocket: FakeSocket as never, random: () => 1 }
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.all = []
})
afterEach(() => vi.useRealTimers())

it('connects with the token of connect(), anew with another one, and without one', async () => {
  const service = new WebSocketService(options)
  await settle()
  expect(FakeSocket.all).toHaveLength(0)
  for (const token of ['one', 'one', 'two', undefined]) {
    service.connect(token)
    await settle()
    if (FakeSocket.last.readyState === 0) FakeSocket.last.greet()
  }
  expect(FakeSocket.all.map(({ protocols }) => protocols?.[1])).toEqual(['wsm.bearer.one', 'wsm.bearer.two', undefined])
  expect(FakeSocket.all.map(({ closedWith }) => closedWith)).toEqual([1000, 1000, undefined])
  service.disconnect()
  expect(service.client.status).toBe('disconnected')
})

it('does not show a token again that was refused', async () => {
  const service = new WebSocketService(options)
  service.connect('old')
  await settle()
  FakeSocket.last.accept().end(4401, 'the token has expired')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSocket.all).toHaveLength(1)
  expect(service.client.status).toBe('disconnected')
  expect(service.client.error).toMatchObject({ code: 'closed', closeCode: 4401, message: 'the token has expired' })
  service.connect('new')
  await settle()
  FakeSocket.last.greet()
  expect([service.client.status, service.client.error]).toEqual(['connected', null])
})

it('gives a channel the data of its messages, until it is told to stop', async () => {
  const service = new WebSocketService(options)
  const seen: unknown[] = []
  const end = service.subscribe('notifications', (data, { type }) => seen.push([type, data]))
  service.connect()
  await settle()
  FakeSocket.last.greet()
  const room = 'notifications'
  FakeSocket.last
    .say({ type: 'a', room, data: { x: 1 } })
    .say({ type: 'b', room, payload: { x: 2 }, timestamp: 't' })
    .say({ type: 'c', room, x: 3, timestamp: 't', message_id: 'm' })
    .say({ event_type: 'd', room, x: 4 })
    .say({ x: 5, room })
    .say({ type: 'f', room, data: null, payload: 6 })
  end()
  FakeSocket.last.say({ type: 'g', room, data: 7 })
  expect(seen).toEqual([
    ['a', { x: 1 }],
    ['b', { x: 2 }],
    ['c', { x: 3 }],
    ['d', { x: 4 }],
    ['message', { x: 5, room }],
    ['f', null],
  ])
  service.send('mark_as_read', { id: 1 })
  expect(FakeSocket.last.sent.slice(-1)).toEqual([{ action: 'mark_as_read', id: 1 }])
})

it('tells of each connection after the first, and of no attempt', async () => {
  const client = createClient(options)
  const back = vi.fn()
  const end = client.onReconnect(back)
  await settle()
  FakeSocket.last.end()
  await vi.advanceTimersByTimeAsync(1000)
  FakeSocket.last.greet() // the second attempt, but the first connection
  expect(back).not.toHaveBeenCalled()
  FakeSocket.last.end()
  await vi.advanceTimersByTimeAsync(1000)
  FakeSocket.last.end()
  await vi.advanceTimersByTimeAsync(2000)
  expect(back).not.toHaveBeenCalled()
  FakeSocket.last.greet()
  expect(back).toHaveBeenCalledOnce()
  client.disconnect()
  client.connect()
  await settle()
  FakeSocket.last.greet()
  expect(back).toHaveBeenCalledTimes(2)
  end()
  client.disconnect()
  client.connect()
  await settle()
  FakeSocket.last.greet()
  expect(back).toHaveBeenCalledTimes(2)
  client.close()
})

it('says with which code it was sent away', async () => {
  const client = createClient(options)
  await settle()
  FakeSocket.last.greet().end(4403, 'not allowed here')
  expect([client.status, client.error?.closeCode, client.error?.message]).toEqual(['failed', 4403, 'not allowed here'])
  client.close()
})

it('says what is wrong where there is no address', () => {
  for (const wrong of [undefined, {}, 'ws://server/ws', { url: '' }])
    expect(() => createClient(wrong as never)).toThrow("createClient() needs an address: createClient({ url: '/ws' })")
})
