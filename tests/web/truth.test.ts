// What is published cannot say what only the server can: no position, gap, greeting or answer is taken from a publication.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient, type Client, type Gap, type Message } from '../../node/client/index.js'
import { Leader, type Note } from '../../node/client/leader.js'
import { FakeSocket } from './fake_server.js'

let client: Client
const gaps: Gap[] = []

async function open(rooms: object = {}): Promise<FakeSocket> {
  client = createClient({ url: 'ws://server/ws', WebSocket: FakeSocket as never, random: () => 1 })
  client.onGap((gap) => gaps.push(gap))
  await vi.advanceTimersByTimeAsync(0)
  return FakeSocket.last.greet({ rooms })
}

/** What the client would ask for if it had to connect again. */
async function resumed(socket: FakeSocket): Promise<unknown> {
  socket.end()
  await vi.advanceTimersByTimeAsync(1000)
  return FakeSocket.last.resume
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.all = []
  gaps.length = 0
})
afterEach(() => {
  client?.close()
  vi.useRealTimers()
})

interface Step {
  hear?: string
  message?: Message
  position?: { room: string; offset?: number }
}
interface Case {
  name: string
  steps: Step[]
}

describe('the shared vectors', () => {
  const folder = join(import.meta.dirname, '../vectors')
  const cases = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Case[])
    .filter(({ steps }) => steps.some(({ position }) => position))

  it('are there', () => expect(cases.length).toBeGreaterThan(2))

  it.each(cases)('$name', async ({ steps }) => {
    const heard = steps.filter((step) => step.position)
    const rooms = new Set(heard.map(({ position }) => position!.room))
    for (const name of new Set(heard.map(({ hear }) => hear))) {
      const start = Object.fromEntries(
        [...rooms].map((room) => [room, { epoch: '<epoch>', offset: 0, recovered: false }]),
      )
      const socket = await open(start)
      const got: Record<string, number> = {}
      const subscriptions = Object.fromEntries(
        [...rooms].map((room) => [room, client.subscribe(room, () => (got[room] = (got[room] ?? 0) + 1))]),
      )
      const at: Record<string, number> = Object.fromEntries([...rooms].map((room) => [room, 0]))
      const counts: Record<string, number> = {}
      for (const { message, position } of heard.filter((step) => step.hear === name)) {
        const { room, offset } = position!
        socket.say(message)
        counts[room] = (counts[room] ?? 0) + 1
        at[room] = offset ?? at[room]
        expect(got).toEqual(counts)
        for (const each of rooms) expect(subscriptions[each].position).toEqual({ epoch: '<epoch>', offset: at[each] })
      }
      expect(gaps).toEqual([])
      expect(await resumed(socket)).toEqual(
        Object.fromEntries(Object.entries(at).map(([room, offset]) => [room, ['<epoch>', offset]])),
      )
      client.close()
    }
  })
})

// As the server sends on what the application, or a client through it, has published.
const PLACES: Record<string, object> = {
  'with a room': { room: 'r', offset: 1 },
  'without history': { room: 'r' },
  'with a room of its own': { room: 'news', '@position': { room: 'r', offset: 1, epoch: 'e' } },
  'with a place of its own': {
    room: null,
    epoch: 'z',
    offset: 1e15,
    '@position': { room: 'r', offset: 1, epoch: 'e' },
  },
}
const FORGED: Record<string, object> = {
  gap: { type: 'gap', data: { room: 'news', epoch: 'z', offset: 1e15, missed: 1 } },
  subscribed: { type: 'subscribed', data: { room: 'news', epoch: 'z', offset: 1e15, recovered: false } },
  connected: {
    type: 'connected',
    data: { client_id: 'x', user_id: 'x', rooms: { news: { epoch: 'z', offset: 1e15, recovered: false } } },
  },
  connection: { type: 'connection', data: { client_id: 'x', user_id: 'x', rooms: {} } },
  'an answer': { type: 'reply', data: 'forged', id: 1 },
  'an answer that is flat': { event_type: 'reply', id: 1 },
  'an error': { type: 'error', data: { code: 'rate_limited', message: 'forged' }, id: 1 },
  'a flat gap': { event_type: 'gap', room_: 'news' },
}

describe.each(Object.entries(PLACES))('a publication %s', (_name, place) => {
  it.each(Object.entries(FORGED))('is no %s', async (_what, forged) => {
    const socket = await open({
      news: { epoch: 'n', offset: 5, recovered: false },
      r: { epoch: 'e', offset: 0, recovered: false },
    })
    const seen: Message[] = []
    const answer = client.request('ask')
    client.on('*', (message) => seen.push(message))
    client.subscribe('r', (message) => seen.push(message))
    const sent = socket.sent.length
    socket.say({ ...forged, ...place })
    expect(seen).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(5000)
    expect([client.clientId, client.userId, gaps, socket.sent.length]).toEqual(['c1', null, [], sent])
    socket.say({ type: 'reply', data: 'true', id: 1 })
    expect(await answer).toBe('true')
    const offset = 'offset' in ((place as any)['@position'] ?? place) ? 1 : 0
    expect(await resumed(socket)).toEqual({ news: ['n', 5], r: ['e', offset] })
  })
})

it('hands on what has an id by its author as often as it comes', async () => {
  const socket = await open()
  const seen: unknown[] = []
  client.on('edited', (message) => seen.push(message.data.n))
  for (const n of [1, 2]) socket.say({ type: 'edited', n, message_id: 'mine', room: 'r' })
  expect(seen).toEqual([1, 2])
})

it('leaves an object its own place, and says who published', async () => {
  const socket = await open()
  let heard: Message | undefined
  client.on('said', (message) => (heard = message))
  socket.say({ type: 'said', room: 'kitchen', offset: 'a lot', message_id: 'm', '@position': { room: 'r' } })
  expect(heard).toMatchObject({ room: 'kitchen', data: { room: 'kitchen', offset: 'a lot' } })
  expect(heard!.data).toEqual({ room: 'kitchen', offset: 'a lot' })
  socket.say({ type: 'said', data: 1, room: 'r', from: { user_id: null, client_id: 'c' } })
  expect(heard!.from?.client_id).toBe('c')
})

describe('the tab that leads', () => {
  it('takes no gap and no answer from a publication', () => {
    const notes: Note[] = []
    const leader = new Leader('leader', FakeSocket as never, (note) => notes.push(note))
    leader.take({ is: 'open', id: 'tab.1', url: 'ws://server/ws' })
    const socket = FakeSocket.last.greet({ rooms: { '@all': { epoch: 'e', offset: 3, recovered: false } } })
    socket.say({ type: 'gap', data: { room: '@all', epoch: 'z', offset: 1e15 }, room: '@all' })
    socket.say({ type: 'unsubscribed', data: { room: '@all' }, room: '@all' })
    socket.say({ type: 'said', room: '@all', offset: 1e15, '@position': { room: '@all', epoch: 'e', offset: 4 } })
    notes.length = 0
    socket.say({ type: 'reply', data: 1, id: 'tab.1~7', room: '@all' })
    expect(notes).toMatchObject([{ is: 'hear', to: undefined }]) // for everybody, and as it is
    leader.take({ is: 'open', id: 'tab.2', url: 'ws://server/ws' })
    const greeting = notes.filter((note): note is Note & { is: 'hear' } => note.is === 'hear').pop()!
    expect(JSON.parse(greeting.text).data.rooms).toEqual({ '@all': { epoch: 'e', offset: 4, recovered: false } })
  })
})
