// React in a real browser: StrictMode, remounts, navigation, and a thousand messages a second.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AS_USERS_HAVE_IT, contextOf, launch, open } from './support/browser.mjs'
import { figure } from './support/figures.mjs'
import { ROOT, Server, until } from './support/server.mjs'

const LONG_RUN = Number(process.env.WSM_ROUNDS ?? 5) > 50
const ROOMS = ['project:7', 'board:1']
const browser = await launch({ ignoreDefaultArgs: AS_USERS_HAVE_IT })

async function scene(t, query = '', settings = {}) {
  const server = await Server.of(t, { publish: ROOMS, perSecond: 20, ...settings })
  const page = await open(t, await contextOf(t, browser), server.url(`/pages/react.html${query}`))
  await page.waitForFunction(() => document.getElementById('status')?.textContent === 'connected')
  return { server, page }
}
const stats = (server) => server.get('/api/ws/stats')
const connections = (server, n) => until(async () => (await server.connections()) === n, `${n} connections`)
const hears = async (page, count = 3) => {
  const before = await page.evaluate(() => [heard.tick.length, heard.room.length])
  await page.waitForFunction(
    ([[ticks, rooms], count]) => heard.tick.length >= ticks + count && heard.room.length >= rooms + count,
    [before, count],
  )
}
const inSequence = (numbers) => numbers.every((n, i) => i === 0 || n === numbers[i - 1] + 1)

test('StrictMode mounts twice and connects once; remounting does not reconnect; unmounting leaves nothing behind', async (t) => {
  const { server, page } = await scene(t)
  await hears(page)
  assert.equal((await stats(server)).total_connections, 1)
  for (let i = 0; i < 20; i++) await page.evaluate(() => remount())
  await page.evaluate(() => {
    for (let i = 0; i < 50; i++) show(i % 2 === 1) // as fast as React goes
  })
  await hears(page)
  assert.equal((await stats(server)).total_connections, 1)
  await page.evaluate(() => show(false))
  await connections(server, 0)
  await page.evaluate(() => show(true))
  await hears(page)
  await connections(server, 1)
  assert.equal((await stats(server)).total_connections, 2)
})

test('a server that is killed under React components: they show it, and go on', async (t) => {
  const { server, page } = await scene(t)
  await hears(page)
  await server.kill()
  await page.waitForFunction(() => document.getElementById('status').textContent === 'reconnecting')
  await page.getByText('Reconnecting').first().waitFor()
  await server.start()
  await page.waitForFunction(() => document.getElementById('status').textContent === 'connected')
  await hears(page)
  assert.ok(await page.evaluate(() => renders.status < 40), 'messages render nothing that does not read them')
})

test('navigation away and back, out of the browser’s cache: no connection meanwhile, and one again', async (t) => {
  const { server, page } = await scene(t, '', { options: { history_size: 10_000 } })
  for (let i = 1; i <= 3; i++) {
    await hears(page)
    await page.goto(server.url('/pages/plain.html'))
    await connections(server, 0)
    await page.goBack({ waitUntil: 'commit' })
    await page.waitForFunction((n) => persisted.filter(Boolean).length === n, i)
    await hears(page)
    await connections(server, 1)
  }
  assert.ok(inSequence(await page.evaluate(() => heard.room)), 'what came meanwhile is recovered')
  await page.reload()
  await hears(page)
  await connections(server, 1)
})

test('a thousand messages a second: all of them, in order, and the page still answers', async (t) => {
  const seconds = LONG_RUN ? 30 : 3
  const options = { history_size: 100_000, max_queue: 64_000_000 }
  const { server, page } = await scene(t, '?ws=/ws/logs&logs', { publish: [], options })
  await page.evaluate(() => Object.assign(pace, { tasks: [], frames: [] }))
  const before = await page.evaluate(() => renders.quiet)
  const done = server.post('/control/publish', {
    room: 'logs',
    type: 'log_message',
    count: 1000 * seconds,
    per_second: 1000,
    data: {
      level: 'info',
      source: 'load',
      message: 'a line of the log, as long as lines of logs are on the average day',
    },
  })
  const search = page.getByRole('searchbox').or(page.getByRole('textbox')).first()
  await search.fill('the page takes input meanwhile')
  await search.fill('')
  await done
  await page.waitForFunction((n) => heard.log_message.length >= n, 1000 * seconds)
  const { numbers, tasks, frames, quiet } = await page.evaluate(() => ({
    numbers: heard.log_message,
    ...pace,
    quiet: renders.quiet,
  }))
  assert.equal(numbers.length, 1000 * seconds)
  assert.ok(inSequence(numbers), 'in order')
  assert.equal(quiet, before, 'a component that reads no state is not rendered by messages')
  await page.getByText('a line of the log').last().waitFor()
  const sorted = frames.toSorted((a, b) => a - b)
  figure('1,000 messages a second', {
    seconds,
    frames: frames.length,
    'frames a second': Math.round(frames.length / seconds),
    'frame p50 ms': Math.round(sorted[sorted.length >> 1]),
    'frame p99 ms': Math.round(sorted[Math.floor(sorted.length * 0.99)]),
    'tasks over 50 ms': tasks.length,
    'longest ms': Math.round(Math.max(0, ...tasks)),
  })
  const folder = join(ROOT, 'build/screenshots')
  mkdirSync(folder, { recursive: true })
  for (const [name, colorScheme, width] of [
    ['light', 'light', 1200],
    ['dark', 'dark', 1200],
    ['narrow', 'dark', 400],
  ]) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 700 })
    await page.screenshot({ path: join(folder, `log-stream-${name}.png`) })
  }
})
