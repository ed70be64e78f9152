// Names of rooms that an application makes of what a client says: whatever it does with a word on the way, the client is refused.
import assert from 'node:assert/strict'
import test from 'node:test'
import { WebSocketManager } from 'ws_manager'
import { Client, connect, serve } from './support.mjs'

const asked = (url, headers) => {
  const query = new URL(url, 'http://x').searchParams
  return {
    boards: (query.get('boards') ?? '').split(','),
    nick: headers['x-user'] ?? /nick=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? 'nobody',
    path: decodeURIComponent(url.split(/[/?]/)[2] ?? ''),
  }
}

/** What an application might make of its words, by what a query says. */
function grants(url, headers) {
  const { boards, nick, path } = asked(url, headers)
  const what = new URL(url, 'http://x').searchParams.get('as')
  if (what === 'list') return { rooms: boards.map((board) => `board:${board}`) }
  if (what === 'patterns') return { subscribe: ['x', ...boards.map((board) => `board:${decodeURIComponent(board)}`)] }
  if (what === 'small') return { publish: [`board:${path.trim().toLowerCase()}`] }
  if (what === 'tail') return { subscribe: [`board:${path.split('-').at(-1)}`] }
  if (what === 'large') return { rooms: [`board:${path.toUpperCase()}`] }
  if (what === 'inbox') return { userId: nick, rooms: [`inbox:${nick}`] }
  if (what === 'inboxes') return { userId: nick, subscribe: [`inbox:${nick}`] }
  if (what === 'mistake') return { rooms: ['my room'] }
  return { subscribe: ['project:*'] }
}

const WRONG = [
  ['7?as=list&boards=a%20b,c'],
  ['7?as=list&boards=7,*'],
  ['7?as=patterns&boards=7,*'],
  ['7?as=patterns&boards=7,%252A'],
  ['A*?as=small'],
  ['%20*%20?as=small'],
  ['slug-*?as=tail'],
  ['a%20b?as=large'],
  ['7?as=inbox', { 'x-user': 'a b' }],
  ['7?as=inbox', { cookie: 'lang=en; nick=*' }],
  ['7?as=inboxes', { 'x-user': '*' }],
  ['7?as=inboxes', { cookie: 'nick=*' }],
]

const ways = {
  'an endpoint of attach()': async (t, manager, server) => {
    const check = (req) => grants(req.url, req.headers)
    await manager.attach(server, { endpoints: { '/live/:board': check } })
  },
  'handOver()': async (t, manager, server) => {
    server.on('upgrade', (req, socket, head) => manager.handOver(req, socket, head, grants(req.url, req.headers)))
  },
  authenticate: async (t, manager, server) => {
    manager.endpoint('/live/{board}')
    manager.authenticate((request) => grants(`${request.path}?${request.query}`, request.headers))
    await manager.attach(server)
  },
}

for (const [name, start] of Object.entries(ways)) {
  test(`no word of a client gets into names by a detour: ${name}`, async (t) => {
    const manager = new WebSocketManager()
    const [errors, said] = [[], []]
    const keep = (lines) => (line, error) => lines.push(`${line} ${error?.message ?? ''}`)
    manager.logger = { debug() {}, info() {}, warn: keep(said), error: keep(errors) }
    t.after(() => manager.stop(0))
    const server = await serve(t)
    await start(t, manager, server)
    manager.start()
    for (const [path, headers] of WRONG) {
      const client = new Client(`ws://${server.host}/live/${path}`, { headers })
      t.after(() => client.ws.terminate())
      assert.equal((await client.end()).code, 4400, JSON.stringify([path, headers]))
    }
    assert.deepEqual(errors, [])
    // A star where none of a pattern's comes from: fields that every client sends, a cookie.
    await connect(t, `ws://${server.host}/live/7`, {
      headers: { 'accept-language': '*', cookie: 'a=1*b', 'x-x': 'y*' },
    })
    const mistaken = new Client(`ws://${server.host}/live/7?as=mistake`)
    t.after(() => mistaken.ws.terminate())
    assert.equal((await mistaken.end()).code, 1011)
    assert.match([...errors, ...said].join('\n'), /"my room"/)
  })
}

test('so it is over REST', async (t) => {
  const manager = new WebSocketManager()
  t.after(() => manager.stop(0))
  const identity = (req) => grants(req.headers['x-as'], req.headers)
  const server = await serve(t, (req, res) => manager.rest(req, res, identity))
  manager.start()
  const get = async (as, headers) =>
    (await fetch(`http://${server.host}/api/ws/history?room=inbox:u2`, { headers: { 'x-as': as, ...headers } })).status
  assert.equal(await get('/x/7?as=inboxes', { 'x-user': '*' }), 400)
  assert.equal(await get('/x/7?as=inbox', { 'x-user': 'a b' }), 400)
  assert.equal(await get('/x/7?as=inboxes', { 'x-user': 'u2' }), 200)
  assert.equal(await get('/x/7?as=inboxes', { 'x-user': 'u1' }), 403)
})

test('handOver() throws nothing where a client may be the reason', async (t) => {
  const manager = new WebSocketManager()
  const errors = []
  manager.logger = { debug() {}, info() {}, warn() {}, error: (...parts) => errors.push(parts.join(' ')) }
  t.after(() => manager.stop(0))
  const server = await serve(t)
  server.on('upgrade', (req, socket, head) => void manager.handOver(req, socket, head, { rooms: ['not a room'] }))
  const client = new Client(`ws://${server.host}/live`)
  assert.equal((await client.end()).code, 1011)
  assert.match(errors[0], /room_invalid|InvalidRoom/)
  const cyclic = {}
  cyclic.self = cyclic
  for (const decided of ['u1', 7, { userId: 'u1', role: 'guest' }, { state: 'x' }, { welcome: cyclic }]) {
    const another = await serve(t)
    another.on('upgrade', (req, socket, head) => void manager.handOver(req, socket, head, decided))
    const client = new Client(`ws://${another.host}/live`)
    assert.equal((await client.end()).code, 1011)
  }
  assert.match(errors.join('\n'), /an object.*role/s)
})
