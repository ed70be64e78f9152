// Tabs that share one socket: who leads, what the others hear, and what happens when the leader's page goes.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createClient, type Client, type Gap } from '../../node/client/index.js'
import { FakeSocket } from './fake_server.js'

// The browser's locks and channels, as one browser has them, in memory.
interface Holder {
  start(): void
  lose(): void
}
let holder: Holder | null = null
let queue: Holder[] = []
let channels: FakeChannel[] = []

class FakeChannel {
  onmessage: ((event: { data: unknown }) => void) | null = null
  /** A frozen page: what comes waits. */
  frozen: unknown[] | null = null
  constructor(readonly name: string) {
    channels.push(this)
  }
  postMessage(data: unknown): void {
    const copy = JSON.parse(JSON.stringify(data)) as unknown
    for (const channel of [...channels]) {
      if (channel === this || channel.name !== this.name) continue
      if (channel.frozen) channel.frozen.push(copy)
      else queueMicrotask(() => channel.onmessage?.({ data: copy }))
    }
  }
  close(): void {
    channels = channels.filter((each) => each !== this)
  }
}
const free = (): void => {
  holder = queue.shift() ?? null
  holder?.start()
}
const locks = {
  request(_name: string, { steal }: { steal: boolean }, run: () => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const own: Holder = {
        start: () =>
          queueMicrotask(() => {
            void Promise.resolve(run()).then(() => {
              if (holder === own) free()
              resolve()
            })
          }),
        lose: () => reject(new DOMException('stolen', 'AbortError')),
      }
      if (holder && !steal) {
        queue.push(own)
        return
      }
      holder?.lose()
      holder = own
      own.start()
    })
  },
}
const settle = async () => {
  for (let i = 0; i < 5; i++) await vi.advanceTimersByTimeAsync(0)
}
/** The page that leads is gone without a word: its channel is silent, its lock free, its socket closed by the browser. */
const crash = async () => {
  channels.shift()
  free()
  await vi.advanceTimersByTimeAsync(100)
}
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

beforeEach(async () => {
  await import('../../node/client/shared.js') // it is loaded when it is needed, which takes time that does not pass here
  vi.useFakeTimers()
  vi.stubGlobal('BroadcastChannel', FakeChannel)
  vi.stubGlobal('navigator', { locks })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
  queue = []
  holder = null
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

it('gives a tab that comes later what it lacks, as far as that is at hand', async () => {
  await two()
  FakeSocket.last.say(at(1)).say(at(2))
  await settle()
  const late = tab({ positions: { '@all': { epoch: 'e', offset: 1 } }, autoConnect: false })
  const heard: unknown[] = []
  const gaps: Gap[] = []
  late.onGap((gap) => gaps.push(gap))
  late.on('x', (message) => heard.push(message.data))
  late.connect()
  await settle()
  FakeSocket.last.say(at(3))
  await settle()
  expect([late.status, heard, gaps]).toEqual(['connected', [2, 3], []])
})

it('tells a tab that comes too late of a gap', async () => {
  await two()
  for (let n = 1; n <= 300; n++) FakeSocket.last.say(at(n))
  await settle()
  const gaps: Gap[] = []
  for (const position of [
    { epoch: 'e', offset: 43 },
    { epoch: 'e', offset: 44 }, // 256 are kept
    { epoch: 'other', offset: 300 },
  ]) {
    const late = tab({ positions: { '@all': position }, autoConnect: false })
    late.onGap((gap) => gaps.push({ ...gap, missed: position.offset }))
    late.connect()
    await settle()
  }
  expect(gaps.map((gap) => gap.missed)).toEqual([43, 300])
})

it('goes on from where each was when the leading tab goes', async () => {
  const [, , heard] = await two()
  FakeSocket.last.say(at(1))
  await settle()
  await crash()
  expect(FakeSocket.all).toHaveLength(2)
  expect(FakeSocket.last.resume).toEqual({ '@all': ['e', 1] })
  FakeSocket.last.greet({ rooms: { '@all': { epoch: 'e', offset: 2, recovered: true } } }).say(at(2))
  await settle()
  expect(heard[1]).toEqual([1, 2])
})

it('recovers every tab that is left, wherever it was, when the leading one goes', async () => {
  const [, , heard] = await two()
  const third = tab()
  const its: unknown[] = []
  const gaps: Gap[] = []
  third.on('x', (message) => its.push(message.data))
  third.onGap((gap) => gaps.push(gap))
  await settle()
  FakeSocket.last.say(at(1))
  await settle()
  const [, , { onmessage }] = channels
  channels[2].onmessage = null // what the one tab hears, the other does not
  FakeSocket.last.say(at(2))
  await settle()
  channels[2].onmessage = onmessage
  await crash()
  // The one that was behind came first: what it lacks is no news to the other.
  expect(FakeSocket.last.resume).toEqual({ '@all': ['e', 1] })
  FakeSocket.last.greet({ rooms: { '@all': { epoch: 'e', offset: 4, recovered: true } } })
  FakeSocket.last.say(at(2)).say(at(3)).say(at(4))
  await settle()
  expect([heard[1], its, gaps]).toEqual([[1, 2, 3, 4], [1, 2, 3, 4], []])
})

it('lets a tab into a room when the server says so, not before: what it lacks comes first', async () => {
  const [a, b] = await two()
  const answer = (n: number, offset: number) =>
    FakeSocket.last.say({
      type: 'subscribed',
      id: FakeSocket.last.sent[n].id,
      data: { room: 'r', epoch: 'q', offset, recovered: n > 0 },
    })
  const message = (offset: number) => ({ type: 'y', data: offset, room: 'r', offset, message_id: `r${offset}` })
  const heard: unknown[][] = [[], []]
  a.subscribe('r', (each) => heard[0].push(each.data))
  await settle()
  answer(0, 3)
  await settle()
  b.subscribe('r', (each) => heard[1].push(each.data), { since: { epoch: 'q', offset: 2 } })
  await settle()
  FakeSocket.last.say(message(4)) // the tab that is in the room already hears it
  answer(1, 4)
  FakeSocket.last.say(message(3)).say(message(4)).say(message(5))
  await settle()
  expect(heard).toEqual([
    [4, 5],
    [3, 4, 5],
  ])
})

it('recovers tabs that were where the new leader was', async () => {
  const [, , heard] = await two()
  const third = tab()
  const its: unknown[] = []
  const gaps: Gap[] = []
  third.on('x', (message) => its.push(message.data))
  third.onGap((gap) => gaps.push(gap))
  await settle()
  FakeSocket.last.say(at(1))
  await settle()
  await crash()
  FakeSocket.last
    .greet({ rooms: { '@all': { epoch: 'e', offset: 3, recovered: true } } })
    .say(at(2))
    .say(at(3))
  await settle()
  expect([heard[1], its, gaps]).toEqual([[1, 2, 3], [1, 2, 3], []])
})

it('takes the place of a leading tab that is frozen, which then follows', async () => {
  const [a, b, heard] = await two()
  const [frozen] = channels
  frozen.frozen = []
  b.disconnect()
  b.connect()
  await vi.advanceTimersByTimeAsync(2900)
  expect([FakeSocket.all.length, b.status]).toEqual([1, 'connecting'])
  await vi.advanceTimersByTimeAsync(200)
  expect(FakeSocket.all).toHaveLength(2)
  FakeSocket.last.greet({ rooms }).say(at(1))
  await settle()
  expect([b.status, heard[1]]).toEqual(['connected', [1]])
  // It thaws: what its own socket still says is for nobody, and it closes that.
  for (const data of frozen.frozen.splice(0)) frozen.onmessage?.({ data })
  frozen.frozen = null
  FakeSocket.all[0].say(at(1))
  await vi.advanceTimersByTimeAsync(100)
  expect(FakeSocket.all[0].closedWith).toBe(1000)
  FakeSocket.last.say(at(2))
  await settle()
  expect([a.status, heard[0], heard[1]]).toEqual(['connected', [1, 2], [1, 2]])
})

it('gives each tab the rooms that it asked for, and no others', async () => {
  const [a, b] = await two()
  const heard: unknown[][] = [[], []]
  a.on('*', (message) => heard[0].push([message.room, message.type]))
  b.on('*', (message) => heard[1].push([message.room, message.type]))
  b.subscribe('r')
  await settle()
  const [command] = FakeSocket.last.sent
  FakeSocket.last
    .say({ type: 'subscribed', id: command.id, data: { room: 'r', epoch: 'q', offset: 7, recovered: false } })
    .say({ type: 'y', data: 8, room: 'r', offset: 8, message_id: 'r8' })
    .say({ type: 'gap', data: { room: 'r', epoch: 'q', offset: 20, missed: 12 } })
  await settle()
  expect(heard[0]).toEqual([])
  expect(heard[1]).toEqual([
    [undefined, 'subscribed'],
    ['r', 'y'],
    [undefined, 'gap'],
  ])
  // A tab that comes later is not taken to be in that room.
  const late = tab()
  await settle()
  late.subscribe('r')
  await settle()
  b.close()
  await settle()
  expect(FakeSocket.last.sent.map((each) => each.action)).toEqual(['subscribe', 'subscribe'])
})

it('lets the client of the leading tab come back to a connection that is there', async () => {
  const [a, , heard] = await two()
  FakeSocket.last.say(at(1))
  await settle()
  a.disconnect()
  FakeSocket.last.say(at(2))
  await settle()
  a.connect()
  await settle()
  FakeSocket.last.say(at(3))
  await settle()
  expect([a.status, FakeSocket.all.length, heard]).toEqual([
    'connected',
    1,
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
  ])
})

it('shows no reconnection where there was none, and does not leave localhost', async () => {
  const states: string[] = []
  const a = tab({ url: 'ws://localhost/ws', autoConnect: false })
  a.onChange(() => states.push(a.status))
  a.connect()
  await settle()
  FakeSocket.last.greet({ rooms })
  await settle()
  expect(states.filter((status) => status !== 'connected')).toEqual(['connecting'])
  expect(new URL(FakeSocket.last.url).hostname).toBe('localhost')
})

it('shows the token as the first message where it is told so', async () => {
  tab({ getToken: () => 't', tokenIn: 'message' })
  await settle()
  FakeSocket.last.accept()
  await settle()
  expect(FakeSocket.last.sent).toEqual([{ action: 'auth', token: 't' }])
})

it('passes on how a connection ended, and that there is none', async () => {
  const [a, b] = await two()
  FakeSocket.last.end(4403, 'not like this')
  await settle()
  expect([a.status, b.status, b.error?.message]).toEqual(['failed', 'failed', 'not like this'])
})

it('leads no more once its client is closed', async () => {
  const [a, b] = await two()
  a.close()
  await vi.advanceTimersByTimeAsync(100)
  FakeSocket.last.greet({ rooms })
  await settle()
  expect([b.status, FakeSocket.all[0].closedWith, channels.length]).toEqual(['connected', 1000, 1])
})

it('closes the socket with the last tab', async () => {
  const [a, b] = await two()
  b.close()
  await settle()
  expect(FakeSocket.last.closedWith).toBeUndefined()
  a.close()
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
