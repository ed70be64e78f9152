// Several tabs of one browser: with one socket for all of them, and with one each.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextOf, launch } from './support/browser.mjs'
import { figure } from './support/figures.mjs'
import { judge } from './support/oracle.mjs'
import { Proxy } from './support/proxy.mjs'
import { Recorded } from './support/recorded.mjs'
import { Server, until } from './support/server.mjs'

const ROUNDS = Number(process.env.WSM_ROUNDS ?? 5)
const ROOMS = ['project:7', 'board:1']
const SHARED = { url: '/ws/project/7', shared: true, rooms: ['board:1'] }
const browser = await launch()

const scene = async (t, options = {}) => ({
  server: await Server.of(t, { publish: ROOMS, perSecond: 50, options: { history_size: 10_000, ...options } }),
  context: await contextOf(t, browser),
})
const connections = (server, n) =>
  until(async () => (await server.connections()) === n, `the server has ${n} connections`, 20_000)
const complaints = ({ page }) => ({ problems: page.problems.length, refusals: page.refusals })
/** A tab ends as a crash of its process ends it: without a word to anybody. */
async function crash(tab) {
  const session = await tab.page.context().newCDPSession(tab.page)
  const crashed = tab.page.waitForEvent('crash')
  session.send('Page.crash').catch(() => {})
  await crashed
  await tab.page.close()
}

test('two tabs that do not share have a connection each', async (t) => {
  const { server, context } = await scene(t)
  const tabs = [1, 2].map(() => Recorded.of(t, context, server, { url: '/ws/project/7', rooms: ['board:1'] }))
  for (const tab of await Promise.all(tabs)) await tab.hears(5)
  await connections(server, 2)
  await server.pace(0)
  for (const tab of await Promise.all(tabs)) await tab.isWhole(server, ROOMS)
})

for (const [how, end] of [
  ['closed', (tab) => tab.page.close()],
  ['crashed', crash],
])
  test(`the leading tab is ${how}, ${ROUNDS} times: another takes over, and no tab misses or repeats anything`, async (t) => {
    const { server, context } = await scene(t)
    const tabs = []
    const open = async () => tabs.push(await Recorded.of(t, context, server, SHARED))
    for (let i = 0; i < 3; i++) await open()
    await connections(server, 1)
    const verdicts = []
    for (let round = 0; round < ROUNDS; round++) {
      for (const tab of tabs) await tab.hears(5)
      const leading = tabs.shift()
      verdicts.push({ ...judge(await leading.log), ...complaints(leading) })
      await end(leading)
      for (const tab of tabs) await tab.hears(5)
      await connections(server, 1)
      await open()
    }
    await server.pace(0)
    for (const tab of tabs) verdicts.push({ ...(await tab.isWhole(server, ROOMS)), ...complaints(tab) })
    const total = (name) => verdicts.reduce((sum, verdict) => sum + verdict[name], 0)
    const all = (name) => verdicts.flatMap((verdict) => verdict[name])
    const whole = { told: total('told'), duplicates: all('duplicates'), silent: all('silent') }
    assert.deepEqual(whole, { told: 0, duplicates: [], silent: [] }, 'whatever was published meanwhile is recovered')
    figure(`leading tab ${how}`, {
      ...whole,
      rounds: ROUNDS,
      messages: total('messages'),
      recovered: total('recovered'),
      problems: total('problems'),
      refusals: total('refusals'),
    })
  })

test('the leading tab hangs: another takes its place, and it follows when it is itself again', async (t) => {
  const { server, context } = await scene(t, { heartbeat_interval: 0.5, timeout: 60 })
  const options = { ...SHARED, heartbeatTimeout: 1500 }
  const first = await Recorded.of(t, context, server, options)
  await first.hears(2)
  const second = await Recorded.of(t, context, server, options)
  await second.hears(2)
  const hangs = first.page.evaluate(() => {
    for (const end = Date.now() + 9000; Date.now() < end;);
  })
  await second.reaches('reconnecting')
  await second.hears(5)
  await hangs
  await first.hears(5)
  await connections(server, 1)
  await server.pace(0)
  assert.equal((await second.isWhole(server, ROOMS)).told, 0)
  await first.isWhole(server, ROOMS)
})

test('a shared connection that is cut, and a server that is killed, under three tabs', async (t) => {
  const { server, context } = await scene(t)
  const proxy = await Proxy.of(t, server)
  const tabs = []
  for (let i = 0; i < 3; i++) tabs.push(await Recorded.of(t, context, proxy, SHARED))
  for (let round = 0; round < 3; round++) {
    for (const tab of tabs) await tab.hears(5)
    proxy.cut()
    for (const tab of tabs) await tab.hears(5)
  }
  await server.pace(0)
  for (const tab of tabs) assert.equal((await tab.isWhole(server, ROOMS)).told, 0)
  await server.kill()
  for (const tab of tabs) await tab.reaches('reconnecting')
  await server.start()
  for (const tab of tabs) await tab.hears(5)
  await connections(server, 1)
  await server.pace(0)
  for (const tab of tabs) await tab.isWhole(server, ROOMS)
})

test('answers come to the tab that asked, and rooms to the tabs that are in them', async (t) => {
  const { server, context } = await scene(t, {})
  await server.pace(0)
  const one = await Recorded.of(t, context, server, { url: '/ws', shared: true, rooms: ['a'] })
  await one.reaches('connected')
  const other = await Recorded.of(t, context, server, { url: '/ws', shared: true, rooms: ['b'] })
  await other.reaches('connected')
  assert.deepEqual(await Promise.all([one, other].map((tab, i) => tab.call('request', 'echo', { value: i }))), [0, 1])
  await server.burst('a', 3)
  await server.burst('b', 3)
  await server.burst('@all', 1)
  for (const tab of [one, other]) await tab.until((log) => log.some((entry) => entry.room === '@all'))
  const rooms = async (tab) => (await tab.log).filter((entry) => entry.offset).map((entry) => entry.room)
  assert.deepEqual(await rooms(one), ['a', 'a', 'a', '@all'])
  assert.deepEqual(await rooms(other), ['b', 'b', 'b', '@all'])
})
