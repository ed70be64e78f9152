// A server that dies, or is stopped, under open pages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { contextOf, launch } from './support/browser.mjs'
import { figure } from './support/figures.mjs'
import { inOrder } from './support/oracle.mjs'
import { Proxy } from './support/proxy.mjs'
import { Recorded } from './support/recorded.mjs'
import { Server } from './support/server.mjs'

const ROUNDS = Number(process.env.WSM_ROUNDS ?? 5)
const ROOMS = ['project:7', 'board:1']
const browser = await launch()

for (const runtime of ['python', 'node'])
  test(`kill -9 and restart, ${ROUNDS} times, ${runtime}: nothing silent, nothing twice, and always to be seen`, async (t) => {
    const server = await Server.of(t, { publish: ROOMS, perSecond: 50, runtime })
    const context = await contextOf(t, browser)
    // One room by the endpoint, one by subscription: they are recovered in different ways.
    const page = await Recorded.of(t, context, server, { url: '/ws/project/7', rooms: ['board:1'], quiet: true })
    const started = Date.now()
    for (let round = 0; round < ROUNDS; round++) {
      await page.reaches('connected')
      await page.hears(10)
      const seen = (await page.shown).length
      await sleep(200 * Math.random()) // at any moment between two messages
      await server.kill()
      await page.until(() => document.getElementById('status').textContent === 'reconnecting')
      await server.start()
      await page.reaches('connected')
      await page.hears(1)
      assert.deepEqual((await page.shown).slice(seen), ['reconnecting', 'connected'], `round ${round + 1}`)
    }
    await server.pace(0)
    const verdict = await page.isWhole(server, ROOMS)
    assert.ok(verdict.told >= ROUNDS, 'each restart loses the history, so each must have been told')
    figure(`kill -9 and restart, ${runtime}`, {
      ...verdict,
      rounds: ROUNDS,
      refusals: page.page.refusals,
      problems: page.page.problems.length,
      seconds: Math.round((Date.now() - started) / 100) / 10,
    })
  })

test('a server that is stopped sends its pages away, and they are back when they were asked to be', async (t) => {
  const server = await Server.of(t, { publish: ROOMS, perSecond: 50, options: { drain_spread: 1 } })
  const context = await contextOf(t, browser)
  const pages = []
  for (let i = 0; i < 4; i++)
    pages.push(await Recorded.of(t, context, server, { url: '/ws/project/7', rooms: ['board:1'] }))
  for (const page of pages) await page.hears(5)
  const seen = await Promise.all(pages.map(async (page) => (await page.shown).length))
  await server.stop()
  for (const page of pages) await page.reaches('reconnecting')
  await server.start()
  for (const page of pages) await page.hears(5)
  await server.pace(0)
  for (const [i, page] of pages.entries()) {
    assert.ok(inOrder((await page.shown).slice(seen[i]), ['reconnecting', 'connected']))
    const log = await page.log
    const draining = log.find((entry) => entry.type === 'server_draining')
    assert.ok(draining, 'the page was told that the server stops')
    const back = log.find((entry) => entry.at > draining.at && entry.status === 'connected')
    assert.ok(back.at - draining.at >= draining.data.reconnect_after_ms - 50, 'no page comes before its time')
    await page.isWhole(server, ROOMS)
  }
})

test('a server that answers 503 for a while is tried again, more and more slowly', async (t) => {
  const server = await Server.of(t, { publish: ROOMS, perSecond: 50 })
  const proxy = await Proxy.of(t, server)
  proxy.refusing = 503
  const context = await contextOf(t, browser)
  const page = await Recorded.of(t, context, proxy, { url: '/ws/project/7' })
  await page.reaches('reconnecting')
  while (proxy.upgrades < 4) await sleep(20)
  proxy.refusing = 0
  await page.hears(5)
  await server.pace(0)
  await page.isWhole(server, ['project:7'])
  assert.ok(page.page.refusals >= 4, 'what Chromium writes of a refused handshake is told from what the page does')
})
