// Who calls: ids that nobody can have, and one order and one answer of token and handler for sockets and HTTP.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import test from 'node:test'
import { WebSocketManager } from 'ws_manager'
import { Client, fastify, serve } from './support.mjs'

const NO_IDS = ['', 'u'.repeat(129), 'a\u001b[2J', 'a\nforged', '\u0085', 'é'.repeat(65)]

/** A manager whose lines are kept; no trace may be among them, nor a value that was refused. */
async function start(t, options) {
  const manager = new WebSocketManager({ port: 0, ...options })
  const lines = []
  const keep = (...parts) => lines.push(parts.map(String).join(' '))
  manager.logger = { debug() {}, info() {}, warn: keep, error: keep }
  t.after(() => manager.stop(0))
  return { manager, lines }
}

function linesAreGood(lines, part) {
  assert.ok(
    lines.some((line) => line.includes(part)),
    `no ${part} in ${lines}`,
  )
  assert.ok(!/forged|uuuu|éééé|\u001b|\n/.test(lines.join(' ')), lines.join(' '))
}

async function closed(t, url) {
  const client = new Client(url)
  t.after(() => client.ws.terminate())
  return client.end()
}

const idsOf = (url) => Object.fromEntries(new URL(url, 'http://x').searchParams)

const sockets = {
  'an endpoint of attach()': async (t, manager) => {
    const server = await serve(t)
    manager.attach(server, { endpoints: { '/live': (req) => idsOf(req.url) } })
    return server
  },
  'handOver()': async (t, manager) => {
    const server = await serve(t)
    server.on('upgrade', (req, socket, head) => manager.handOver(req, socket, head, idsOf(req.url)))
    return server
  },
  'handOver() with a check': async (t, manager) => {
    const server = await serve(t)
    server.on('upgrade', (req, socket, head) => manager.handOver(req, socket, head, async () => idsOf(req.url)))
    return server
  },
  authenticate: async (t, manager) => {
    manager.authenticate(({ query }) => Object.fromEntries(query))
    await manager.start()
    const server = await serve(t)
    manager.attach(server)
    return server
  },
}

for (const [name, serving] of Object.entries(sockets)) {
  test(`an id that nobody can have refuses its client: ${name}`, async (t) => {
    const { manager, lines } = await start(t)
    const server = await serving(t, manager)
    const path = name === 'authenticate' ? '/ws' : '/live'
    for (const id of NO_IDS) {
      for (const member of ['userId', 'sessionId']) {
        if (id === '' && member === 'sessionId') continue // none was chosen
        const { code, reason } = await closed(t, `ws://${server.host}${path}?${member}=${encodeURIComponent(id)}`)
        assert.equal(code, 4400, `${member} ${JSON.stringify(id)}`)
        assert.match(reason, new RegExp(`${member} must be`))
      }
    }
    linesAreGood(lines, 'closed with 4400: ')
  })
}

test('handOver() with a check and a client id that nobody can have', async (t) => {
  const { manager, lines } = await start(t)
  const server = await serve(t)
  server.on('upgrade', (req, socket, head) => manager.handOver(req, socket, head, { userId: 'u', ...idsOf(req.url) }))
  assert.equal((await closed(t, `ws://${server.host}/?clientId=${'u'.repeat(129)}`)).code, 4400)
  linesAreGood(lines, 'clientId must be')
})

const NO_HEADERS = ['', 'u'.repeat(129)] // Node's fetch() writes Latin-1, which the core does not read

const calls = {
  'rest(req, res, identity)': async (t, manager) =>
    (await serve(t, (req, res) => manager.rest(req, res, { userId: req.headers['x-user'] }))).host,
  'Fastify, option identify': async (t, manager) => {
    const app = fastify().register(manager.fastifyPlugin, { identify: (req) => req.headers['x-user'] })
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(() => app.close())
    return `127.0.0.1:${app.server.address().port}`
  },
  'fetch()': async (t, manager) =>
    (
      await serve(t, async (req, res) => {
        const answer = await manager.fetch(new Request(`http://h${req.url}`), { userId: req.headers['x-user'] })
        res.writeHead(answer.status).end(await answer.text())
      })
    ).host,
  'authenticate, and restHandler': async (t, manager) => {
    manager.authenticate(({ headers }) => headers['x-user'])
    return (await serve(t, manager.restHandler)).host
  },
  'authenticate, and the own port': async (t, manager) => {
    manager.authenticate(({ headers }) => headers['x-user'])
    return `127.0.0.1:${manager.port}`
  },
}

for (const [name, serving] of Object.entries(calls)) {
  test(`so it is over REST: ${name}`, async (t) => {
    const { manager, lines } = await start(t, { access: 'granted' })
    manager.start()
    const host = await serving(t, manager)
    for (const id of NO_HEADERS) {
      const answer = await fetch(`http://${host}/api/ws/history?room=r`, { headers: { 'x-user': id } })
      assert.equal(answer.status, 400, JSON.stringify(id))
      assert.match(await answer.text(), /userId must be/)
    }
    linesAreGood(lines, 'userId must be')
  })
}

// ---- one order, and one answer

const SECRET = '0123456789abcdef0123456789abcdef'

function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'u', exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

test('a token decides before the handler wherever it stands, and a refusal is the same everywhere', async (t) => {
  const { manager } = await start(t, { jwtSecret: SECRET, jwtCookie: 'session', jwtQuery: 'token', exemptIps: 'none' })
  const asked = []
  manager.authenticate(({ path, headers, query }) => {
    asked.push(path)
    if (query.has('blocked')) throw Object.assign(new Error('this account is blocked'), { status: 403 })
    return headers['x-user'] ? { userId: 'by-handler', rooms: ['handler'] } : null
  })
  await manager.start()
  const hosts = [(await serve(t, manager.restHandler)).host, `127.0.0.1:${manager.port}`]
  const mine = token({ rooms: ['token'] })
  const ways = [
    [`token=${mine}`, {}],
    ['', { cookie: `session=${mine}`, 'sec-fetch-site': 'same-origin' }],
    ['', { authorization: `Bearer ${mine}` }],
  ]
  const told = []
  for (const host of hosts) {
    const ask = async (query, headers) => {
      const answer = await fetch(`http://${host}/api/ws/history?${query}`, { headers })
      return [answer.status, (await answer.json()).error?.message]
    }
    for (const [query, headers] of ways) {
      assert.equal((await ask(`${query}&room=token`, { ...headers, 'x-user': '1' }))[0], 200)
      assert.equal((await ask(`${query}&room=handler`, { ...headers, 'x-user': '1' }))[0], 403)
    }
    assert.deepEqual(asked, [])
    assert.equal((await ask('room=handler', { 'x-user': '1' }))[0], 200)
    assert.deepEqual(asked.splice(0), ['/api/ws/history'])
    assert.deepEqual(await ask('room=handler&blocked=1'), [403, 'this account is blocked'])
    const before = (await manager.stats()).offences.token
    told.push(await ask('room=handler'))
    assert.equal((await manager.stats()).offences.token, before + 1)
    asked.length = 0
  }
  assert.deepEqual(told[0], told[1])
  assert.equal(told[0][0], 401)
})
