// Networks that let no WebSocket through: the page polls, and comes back to the socket when it can.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextOf, launch } from './support/browser.mjs'
import { inOrder } from './support/oracle.mjs'
import { Proxy } from './support/proxy.mjs'
import { Recorded } from './support/recorded.mjs'
import { Server } from './support/server.mjs'

const browser = await launch()
const ROOMS = ['project:7']
const OPTIONS = { url: '/ws/project/7', poll: { after: 1, interval: 200 }, maxReconnectDelay: 300 }

async function scene(t, options = {}) {
  const server = await Server.of(t, { publish: ROOMS, perSecond: 50, options: { history_size: 10_000 } })
  const proxy = await Proxy.of(t, server)
  const page = await Recorded.of(t, await contextOf(t, browser), proxy, { ...OPTIONS, ...options })
  await page.hears(5)
  return { server, proxy, page }
}

test('polling takes over where the socket is refused, and the socket where polling was: nothing missing, nothing twice', async (t) => {
  const { server, proxy, page } = await scene(t)
  for (let round = 0; round < 3; round++) {
    proxy.refusing = 403
    proxy.cut()
    await page.reaches('degraded')
    await page.hears(50)
    proxy.refusing = 0
    await page.reaches('connected')
    await page.hears(10)
  }
  await server.pace(0)
  assert.equal((await page.isWhole(server, ROOMS)).told, 0)
  assert.ok(inOrder(await page.shown, ['connected', 'reconnecting', 'degraded', 'connected', 'reconnecting']))
})

test('a server that dies under a polling page: it says that nothing comes, and tells of what is lost', async (t) => {
  const { server, proxy, page } = await scene(t)
  proxy.refusing = 403
  proxy.cut()
  await page.reaches('degraded')
  await server.kill()
  await page.reaches('reconnecting') // not degraded: polling brings nothing either
  await server.start()
  await page.reaches('degraded')
  await page.hears(10)
  proxy.refusing = 0
  await page.reaches('connected')
  await server.pace(0)
  assert.ok((await page.isWhole(server, ROOMS)).told >= 1)
})
