// Tokens that expire under open pages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextOf, launch } from './support/browser.mjs'
import { inOrder } from './support/oracle.mjs'
import { Recorded } from './support/recorded.mjs'
import { Server } from './support/server.mjs'
import { SECRET, token } from './support/tokens.mjs'

const browser = await launch()
const ROOMS = ['project:7']
const OPTIONS = { jwt_secret: SECRET, jwt_leeway: 0, token_expiring_notice: 0 }

/** give: what the login answers each time, by how often it was asked; it may throw. */
async function scene(t, give, options = {}, clientOptions = {}) {
  const server = await Server.of(t, { publish: ROOMS, perSecond: 50, options: { ...OPTIONS, ...options } })
  const context = await contextOf(t, browser)
  const asked = []
  await context.exposeFunction('login', () => {
    asked.push(Date.now())
    return give(asked.length)
  })
  const page = await Recorded.of(t, context, server, {
    url: '/ws/project/7',
    getToken: '() => login()',
    ...clientOptions,
  })
  return { server, page, asked }
}
const statuses = (log) => log.filter((entry) => entry.is === 'status').map((entry) => entry.status)

for (const tokenIn of ['protocol', 'message'])
  test(`a token is renewed before it ends, and the connection stays (${tokenIn})`, async (t) => {
    const { server, page, asked } = await scene(t, () => token(3), {}, { tokenIn })
    await page.until((log) => log.filter((entry) => entry.type === 'authenticated').length >= 3)
    assert.ok(asked.length >= 3)
    await server.pace(0)
    const log = await page.log
    assert.deepEqual(statuses(log), ['disconnected', 'connecting', 'connected'])
    assert.equal(log.filter((entry) => entry.type === 'connection').length, 1)
  })

test('a token that ends without a renewal: 4401, a new one, and what was missed is recovered', async (t) => {
  const { page, server } = await scene(t, (n) => {
    if (n === 2 || n === 3) throw new Error('the login is away')
    return token(n === 1 ? 2 : 60)
  })
  await page.reaches('connected')
  await page.reaches('reconnecting')
  await page.reaches('connected')
  await page.hears(5)
  await server.pace(0)
  const verdict = await page.isWhole({ position: (room) => position(server, room) }, ROOMS)
  assert.equal(verdict.told, 0)
  assert.ok(verdict.recovered >= 1)
  assert.ok(inOrder(statuses(await page.log), ['connected', 'reconnecting', 'connected']))
})

test('a login that says no: failed, with the reason, and reconnect() when somebody has logged in', async (t) => {
  let allowed = true
  const { page } = await scene(t, () => (allowed ? token(2) : null))
  await page.reaches('connected')
  allowed = false
  await page.reaches('failed')
  assert.equal(await page.page.evaluate(() => document.getElementById('status').textContent), 'failed')
  assert.match(await page.page.evaluate(() => clients.main.client.error.message), /expired/)
  allowed = true
  await page.call('reconnect')
  await page.hears(1)
})

test('a token that does not grant the room: failed at once, with the reason, and not tried again', async (t) => {
  const { page, asked } = await scene(t, () => token(60, { rooms: ['other'] }))
  await page.reaches('failed')
  assert.match(await page.page.evaluate(() => clients.main.client.error.message), /project:7|not allowed|grant/)
  assert.equal(asked.length, 1)
})

test('a login that never answers is an attempt that fails; the next one is not held up', async (t) => {
  const { page } = await scene(t, (n) => (n === 1 ? new Promise(() => {}) : token(60)), {}, { connectTimeout: 1000 })
  await page.reaches('reconnecting')
  await page.hears(1)
})

const position = async (server, room) => {
  const headers = { Authorization: `Bearer ${token(60)}` }
  return (await fetch(server.url(`/api/ws/history?limit=1&room=${encodeURIComponent(room)}`), { headers })).json()
}
