// Networks that cut, swallow and slow down.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextOf, launch } from './support/browser.mjs'
import { figure } from './support/figures.mjs'
import { Proxy } from './support/proxy.mjs'
import { Recorded } from './support/recorded.mjs'
import { Server } from './support/server.mjs'

const ROUNDS = Number(process.env.WSM_ROUNDS ?? 5)
const ROOMS = ['project:7', 'board:1']
const browser = await launch()

async function scene(t, options = {}, serverOptions = {}) {
  const server = await Server.of(t, {
    publish: ROOMS,
    perSecond: 50,
    options: { history_size: 10_000, ...serverOptions },
  })
  const proxy = await Proxy.of(t, server)
  const context = await contextOf(t, browser)
  const page = await Recorded.of(t, context, proxy, { url: '/ws/project/7', rooms: ['board:1'], ...options })
  await page.hears(5)
  return { server, proxy, context, page }
}

test(`connections that are cut, ${ROUNDS} times: everything is recovered, and no gap is told`, async (t) => {
  const { server, proxy, page } = await scene(t, { quiet: true })
  for (let round = 0; round < ROUNDS; round++) {
    proxy.cut()
    await page.reaches('reconnecting')
    await page.hears(10)
  }
  await server.pace(0)
  const verdict = await page.isWhole(server, ROOMS)
  assert.equal(verdict.told, 0)
  assert.ok(verdict.recovered >= ROUNDS) // a cut may come before the second room was joined again
  figure('connections cut', {
    ...verdict,
    rounds: ROUNDS,
    refusals: page.page.refusals,
    problems: page.page.problems.length,
  })
})

test('a connection that is swallowed is noticed by its silence, and everything is recovered', async (t) => {
  const options = { heartbeatTimeout: 1500, connectTimeout: 1000 }
  const { server, proxy, page } = await scene(t, options, { heartbeat_interval: 0.5, timeout: 5 })
  proxy.freeze()
  await page.reaches('reconnecting')
  proxy.thaw()
  await page.reaches('connected')
  await page.hears(5)
  await server.pace(0)
  const verdict = await page.isWhole(server, ROOMS)
  assert.equal(verdict.told, 0)
  // The server, too, lets go of what it hears nothing of.
  while ((await server.connections()) !== 1) await new Promise((resolve) => setTimeout(resolve, 50))
})

test('a slow network delays, and nothing else', async (t) => {
  const { server, proxy, page } = await scene(t)
  proxy.delay = 150
  proxy.rate = 100_000
  await page.hears(50)
  proxy.cut()
  await page.reaches('reconnecting')
  await page.hears(50)
  await server.pace(0)
  assert.equal((await page.isWhole(server, ROOMS)).told, 0)
})

test('a browser that goes offline shows it soon, and is back at once when it is online', async (t) => {
  const delays = { minReconnectDelay: 600_000, maxReconnectDelay: 600_000, connectTimeout: 1000 }
  const { server, proxy, context, page } = await scene(t, delays)
  proxy.freeze()
  await context.setOffline(true)
  await page.reaches('reconnecting') // the heartbeat alone would take most of a minute
  proxy.thaw()
  await context.setOffline(false)
  await page.reaches('connected')
  await server.pace(0)
  assert.equal((await page.isWhole(server, ROOMS)).told, 0)
})
