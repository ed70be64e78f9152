// The client outside of pages' main threads, many rooms, bytes, several servers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextOf, launch, open } from './support/browser.mjs'
import { judge } from './support/oracle.mjs'
import { Proxy } from './support/proxy.mjs'
import { Recorded } from './support/recorded.mjs'
import { Server, until } from './support/server.mjs'

const browser = await launch()
const ROOMS = ['project:7', 'board:1']

for (const [name, make] of [
  ['a dedicated worker', () => new Worker('/pages/worker.js', { type: 'module' })],
  ['a shared worker', () => new SharedWorker('/pages/worker.js', { type: 'module' }).port],
])
  test(`${name} imports the client as it is, and keeps its connection through a kill`, async (t) => {
    const server = await Server.of(t, { publish: ROOMS, perSecond: 50 })
    const page = await open(t, await contextOf(t, browser), server.url('/pages/plain.html'))
    await page.evaluate(`window.port = (${make})(); port.start?.()`)
    await page.evaluate(() => {
      window.ask = () =>
        new Promise((resolve) => {
          port.onmessage = ({ data }) => resolve(data)
          port.postMessage({})
        })
      port.postMessage({ make: { url: '/ws/project/7', rooms: ['board:1'] } })
    })
    const ask = () => page.evaluate(() => ask())
    const hears = async () => {
      const before = (await ask()).log.length
      await until(async () => (await ask()).log.length > before + 10, 'the worker hears')
    }
    await hears()
    await server.kill()
    await until(async () => (await ask()).status === 'reconnecting', 'the worker has noticed')
    await server.start()
    await until(async () => (await ask()).status === 'connected', 'the worker is back')
    await hears()
    await server.pace(0)
    const positions = Object.fromEntries(
      await Promise.all(ROOMS.map(async (room) => [room, await server.position(room)])),
    )
    await until(async () => judge((await ask()).log, positions).silent.length === 0, 'nothing silent', 10_000)
    assert.deepEqual(judge((await ask()).log, positions).duplicates, [])
  })

test('more rooms than a server takes at once: all of them, again after a cut', async (t) => {
  const server = await Server.of(t, {})
  const proxy = await Proxy.of(t, server)
  const rooms = Array.from({ length: 125 }, (_, i) => `row:${i}`)
  const page = await Recorded.of(t, await contextOf(t, browser), proxy, { url: '/ws', rooms })
  for (let round = 1; round <= 2; round++) {
    await page.until(
      (log, _client, [n, round]) =>
        new Set(log.filter((entry) => entry.type === 'subscribed').map((entry) => entry.data.room)).size >= n &&
        log.filter((entry) => entry.type === 'subscribed').length >= n * round,
      [rooms.length, round],
    )
    for (const room of rooms) await server.burst(room, 1, round)
    await page.until(
      (log, _client, n) => log.filter((entry) => entry.type === 'tick').length >= n,
      rooms.length * round,
    )
    proxy.cut()
    await page.reaches('reconnecting')
    await page.reaches('connected')
  }
  assert.equal((await page.log).filter((entry) => entry.is === 'gap').length, 0)
})

test('two clients of two servers in one page, bytes, words said too early, and nothing left after close()', async (t) => {
  const servers = [await Server.of(t, { publish: ROOMS, perSecond: 20 }), await Server.of(t, { runtime: 'node' })]
  const page = await Recorded.of(t, await contextOf(t, browser), servers[0], { url: '/ws/project/7' })
  await page.make('other', { url: servers[1].url('/ws').replace('http', 'ws'), autoConnect: false })
  const other = new Recorded(page.page, 'other')
  const early = other.call('request', 'echo', { value: 'said before there is a connection' })
  await other.call('connect')
  assert.equal(await early, 'said before there is a connection')
  await servers[0].post('/control/publish', { room: 'project:7', bytes: 1000 })
  await page.until((log) => log.some((entry) => entry.is === 'binary' && entry.size === 1000))
  await page.hears(3)
  for (const client of [page, other]) {
    await client.call('close')
    await client.call('close')
    assert.equal(await client.status, 'disconnected')
  }
  for (const server of servers) await until(async () => (await server.connections()) === 0, 'no connection is left')
})
