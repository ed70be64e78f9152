// Computers that sleep, clocks that jump, timers that are held back.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { contextOf, launch } from './support/browser.mjs'
import { Recorded } from './support/recorded.mjs'
import { Server } from './support/server.mjs'

const ROOMS = ['project:7', 'board:1']
const PAGE = { url: '/ws/project/7', rooms: ['board:1'] }
const OPTIONS = { history_size: 10_000, heartbeat_interval: 1, timeout: 3 }
const browser = await launch()

/** The processes of a browser, by the folder of its profile: what sleeps when its computer does. */
function processesOf(marker) {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map()
  let root
  for (const pid of all) {
    try {
      parents.set(
        pid,
        readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[1],
      )
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker) && parents.get(pid) === String(process.pid))
        root = pid
    } catch {
      // It has ended meanwhile.
    }
  }
  const ours = new Set([root])
  for (let size = 0; size !== ours.size;) {
    size = ours.size
    for (const [pid, parent] of parents) if (ours.has(parent)) ours.add(pid)
  }
  return [...ours].map(Number)
}

async function scene(t, options = {}) {
  const server = await Server.of(t, { publish: ROOMS, perSecond: 50, options: OPTIONS })
  const page = await Recorded.of(t, await contextOf(t, browser), server, { ...PAGE, ...options })
  await page.hears(5)
  return { server, page }
}
const greetings = async (page) => (await page.log).filter((entry) => entry.type === 'connection').length

test('a computer that sleeps for longer than the server waits: everything is recovered', async (t) => {
  const { server, page } = await scene(t)
  const pids = processesOf('--remote-debugging-pipe')
  assert.ok(pids.length > 2)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  try {
    while ((await server.connections()) > 0) await sleep(100)
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
  }
  await page.until((log) => log.filter((entry) => entry.type === 'connection').length === 2)
  await page.hears(5)
  await server.pace(0)
  assert.equal((await page.isWhole(server, ROOMS)).told, 0)
})

test('clocks that jump, forwards and back, do not end a connection', async (t) => {
  const { server, page } = await scene(t, { heartbeatTimeout: 2000 })
  for (const hours of [1, -1, 24 * 365, 0]) {
    await page.page.evaluate((hours) => {
      globalThis.realNow ??= Date.now
      Date.now = () => realNow() + hours * 3_600_000
    }, hours)
    const before = (await page.log).filter((entry) => entry.type === 'heartbeat').length
    await page.until((log, _client, n) => log.filter((entry) => entry.type === 'heartbeat').length >= n, before + 3)
  }
  await server.pace(0)
  assert.equal(await greetings(page), 1)
  assert.equal((await page.isWhole(server, ROOMS)).told, 0)
})

test('timers that fire once a second, as in a background tab: the connection stays, and comes back', async (t) => {
  const server = await Server.of(t, { publish: ROOMS, perSecond: 50, options: OPTIONS })
  const context = await contextOf(t, browser)
  await context.addInitScript(() => {
    const real = setTimeout
    globalThis.setTimeout = (run, ms, ...args) => real(run, Math.ceil((ms || 1) / 1000) * 1000, ...args)
  })
  const page = await Recorded.of(t, context, server, { ...PAGE, heartbeatTimeout: 1500 })
  await page.until((log) => log.filter((entry) => entry.type === 'heartbeat').length >= 4)
  assert.equal(await greetings(page), 1)
  await server.kill()
  await page.reaches('reconnecting')
  await server.start()
  await page.hears(5)
  await server.pace(0)
  await page.isWhole(server, ROOMS)
})
