// Refusals are seen on the server's console: one line of a kind in a while, which names the rule and what to change.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import WebSocket from 'ws'
import { WebSocketManager } from 'ws_manager'
import { Client, connect, eventually, program, serve } from './support.mjs'

async function attached(t, options, attaching) {
  const manager = new WebSocketManager(options)
  const said = []
  const say = (...parts) => said.push(parts.join(' '))
  manager.logger = { debug() {}, info() {}, warn: say, error: say }
  const server = await serve(t)
  await manager.attach(server, attaching)
  t.after(() => manager.stop(0))
  return { manager, server, said, url: `ws://${server.host}` }
}

const refused = async (url, options) => {
  const ws = new WebSocket(url, options)
  const [, response] = await once(ws, 'unexpected-response')
  return response.statusCode
}

test('a foreign Origin: a line with it, the rule and the option, and few of the kind', async (t) => {
  const { said, url } = await attached(t)
  for (let i = 0; i < 20; i++)
    assert.equal(await refused(`${url}/ws?token=s3cret`, { origin: 'https://elsewhere.example' }), 403)
  await eventually(() => said.length > 0, 'a line')
  assert.ok(said.length < 20, said.join('\n'))
  assert.match(said[0], /https:\/\/elsewhere\.example/)
  assert.match(said[0], /allowed_origins/)
  assert.doesNotMatch(said[0], /s3cret/)
})

test('a limit: a line that names it', async (t) => {
  const { said, url } = await attached(t, { maxConnectionsPerIp: 1 })
  await connect(t, `${url}/ws`)
  for (let i = 0; i < 20; i++) {
    const client = new Client(`${url}/ws`)
    assert.equal((await client.end()).code, 1013)
  }
  await eventually(() => said.length > 0, 'a line')
  assert.ok(said.length < 20, said.join('\n'))
  assert.match(said[0], /127\.0\.0\.1, closed with 1013: .*max_connections_per_ip/)
})

test('an upgrade that cannot be served: one line, however many there are', async (t) => {
  const { said, url, manager } = await attached(t, undefined, { endpoints: { '/live/:board': () => true } })
  await manager.stop(0)
  const waits = new Set()
  for (let i = 0; i < 20; i++) {
    const [, response] = await once(new WebSocket(`${url}/live/7`), 'unexpected-response')
    assert.equal(response.statusCode, 503)
    waits.add(Number(response.headers['retry-after']))
  }
  assert.deepEqual([...waits].sort(), [1, 2, 3, 4, 5]) // seconds: not all at once
  assert.deepEqual(said.length, 1, said.join('\n'))
  assert.match(said[0], /\/live\/7 can't be served: .*start\(\) starts it again/)
})

test('it is on the console, if nobody says where else', async () => {
  const { stderr, code } = await program(`import { createServer } from 'node:http'
    import { once } from 'node:events'
    import WebSocket from 'ws'
    import { wsManager } from 'ws_manager'
    const server = createServer()
    await wsManager.attach(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const ws = new WebSocket('ws://127.0.0.1:' + server.address().port + '/ws', { origin: 'https://elsewhere.example' })
    await once(ws, 'unexpected-response')
    await wsManager.stats()
    await wsManager.stop(0)
    process.exit(0)`)
  assert.equal(code, 0)
  assert.match(stderr, /^ws_manager: .*https:\/\/elsewhere\.example.*allowed_origins/m)
})
