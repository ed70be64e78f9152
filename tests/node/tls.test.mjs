// TLS that Node ends: the relay, with the same rooms, limits and recovery.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'node:test'
import WebSocket from 'ws'
import { WebSocketManager } from 'ws_manager'
import { connect, eventually, serve } from './support.mjs'

const folder = mkdtempSync(path.join(tmpdir(), 'ws_manager-'))
test.after(() => rmSync(folder, { recursive: true }))
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name))
execFileSync(
  'openssl',
  [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  ],
  { stdio: 'pipe' },
)
const credentials = { key: readFileSync(key), cert: readFileSync(cert) }
const trusting = { ca: credentials.cert }

async function secure(t, options) {
  const manager = new WebSocketManager(options)
  const server = await serve(t, undefined, (handler) => https.createServer(credentials, handler))
  await manager.attach(server)
  t.after(() => manager.stop(0))
  return { manager, server, url: `wss://${server.host}` }
}

test('rooms, addresses, sizes and closes are the same', async (t) => {
  const { manager, url } = await secure(t)
  const client = await connect(t, `${url}/ws/project/P`, { ...trusting, origin: url.replace('wss', 'https') })
  assert.equal((await manager.sendToRoom('project:P', { type: 'x', text: 'y'.repeat(500_000) })).recipients, 1)
  assert.equal((await client.next('x')).text.length, 500_000)
  assert.equal((await manager.connections())[0].ip, '127.0.0.1')
  client.send('ping')
  await client.next('pong')
  client.send('z'.repeat(70_000))
  assert.equal((await client.end()).code, 1009)
})

test('a foreign origin is refused, and so are too many from one address', async (t) => {
  const { manager, url } = await secure(t, { maxConnectionsPerIp: 2 })
  const refused = new WebSocket(`${url}/ws`, { ...trusting, origin: 'https://elsewhere.example' })
  const status = await new Promise((resolve) =>
    refused.on('unexpected-response', (req, res) => resolve(res.statusCode)),
  )
  assert.equal(status, 403)
  await connect(t, `${url}/ws`, trusting)
  await connect(t, `${url}/ws`, trusting)
  const third = new WebSocket(`${url}/ws`, trusting)
  assert.equal(await new Promise((resolve) => third.on('close', resolve)), 1013)
  assert.equal((await manager.stats()).active_connections, 2)
})

test('a client that comes back gets what it missed', async (t) => {
  const { manager, url } = await secure(t)
  const first = await connect(t, `${url}/ws/project/P`, trusting)
  const { epoch, offset } = first.greeting.data.rooms['project:P']
  first.ws.terminate()
  await eventually(async () => (await manager.stats()).active_connections === 0)
  await manager.sendToRoom('project:P', { type: 'missed' })
  const resume = Buffer.from(JSON.stringify({ 'project:P': [epoch, offset] })).toString('base64url')
  const second = await connect(t, `${url}/ws/project/P?resume=${resume}`, trusting)
  assert.equal(second.greeting.data.rooms['project:P'].recovered, true)
  await second.next('missed')
})

test('handOver works there, too, and tells of the end', async (t) => {
  const { manager, server, url } = await secure(t)
  let ended
  server.on('upgrade', (req, socket, head) => {
    if (req.url === '/live') ended = manager.handOver(req, socket, head, { userId: 'u' })
  })
  const client = await connect(t, `${url}/live`, trusting)
  assert.equal(client.greeting.data.user_id, 'u')
  manager.disconnectUser('u', { code: 4321, reason: 'enough' })
  assert.deepEqual(await client.end(), { code: 4321, reason: 'enough' })
  assert.equal((await ended).code, 4321)
})

test('a slow reader is a slow consumer, and nothing is left of those who have gone', async (t) => {
  const { manager, url } = await secure(t, { maxQueue: 65536, historySize: 0 })
  const before = readdirSync('/proc/self/fd').length
  const slow = await connect(t, `${url}/ws`, trusting)
  slow.ws._socket.pause()
  const honest = await connect(t, `${url}/ws`, trusting)
  const text = 'x'.repeat(60_000)
  await eventually(async () => {
    manager.broadcast({ type: 'flood', text })
    await honest.next('flood')
    return (await manager.stats()).active_connections === 1
  }, 'the slow one to be closed')
  slow.ws.terminate()
  honest.ws.terminate()
  await eventually(() => readdirSync('/proc/self/fd').length <= before, 'descriptors to be closed')
})
