// The admin panel: live figures, its buttons, the key, hostile texts, and that everybody can read it.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import axe from 'axe-core'
import { contextOf, launch, open } from './support/browser.mjs'
import { Server, until } from './support/server.mjs'

const VIEWS = ['overview', 'connections', 'rooms', 'events', 'bans']
const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>'
const SHOTS = '../screenshots'
const browser = await launch()

/** A page of the panel, and a client beside it whose WebSockets it shows. */
async function panel(t, { options = { admin: 1 }, runtime, look = {}, ...settings } = {}) {
  const server = await Server.of(t, { options, runtime, ...settings })
  const page = await open(t, await contextOf(t, browser, look), server.url('/ws/admin'))
  return { server, page }
}

/** A WebSocket of a page of its own; `closed()` is its close code, once it has one. */
async function visitor(t, server, path = '/ws/updates', look = {}) {
  const page = await open(t, await contextOf(t, browser, look), server.url('/pages/plain.html'))
  await page.evaluate(
    async (url) => {
      window.socket = new WebSocket(url)
      window.socket.onclose = (event) => (window.code = event.code)
      await new Promise((resolve) => (window.socket.onmessage = resolve))
    },
    server.url(path).replace('http', 'ws'),
  )
  return { page, closed: () => page.evaluate(() => window.code) }
}

/** A store's file in a folder that goes with the test. */
async function storeFile(t) {
  const folder = await mkdtemp(join(tmpdir(), 'wsm-panel-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'ws.db')
}

const show = (page, view) => page.locator(`nav a[data-view=${view}]`).click()
const answer = (page, label) => page.locator('#confirm').getByRole('button', { name: label, exact: true }).click()
const rows = (page, view) => page.locator(`#${view} tbody tr:not(.details)`)

for (const runtime of ['python', 'node'])
  test(`figures, charts and lists follow what happens (${runtime})`, async (t) => {
    const { server, page } = await panel(t, { runtime, publish: ['@all'], perSecond: 20 })
    const connections = page.locator('[data-tile=connections] b')
    await connections.filter({ hasText: /^0$/ }).waitFor()
    await visitor(t, server, '/ws/updates?session_id=first')
    await connections.filter({ hasText: /^1$/ }).waitFor()
    await page
      .locator('.chart', { hasText: 'Written per second' })
      .locator('b', { hasText: /^[1-9]/ })
      .waitFor()
    await page.locator('#deliveries tr[data-name=written] td').first().filter({ hasText: /[1-9]/ }).waitFor()
    assert.doesNotMatch(await page.locator('#deliveries').textContent(), /differs/)
    await visitor(t, server, '/ws/updates?session_id=second')
    await page.locator('[data-tile=queues]').click() // to whose queues they are
    await page.locator('#connections th[data-sort=queued_bytes][aria-sort=descending]').waitFor()
    await until(async () => (await rows(page, 'connections').count()) === 2, 'two rows')
    await page.locator('#connections input').fill('SECOND')
    await until(async () => (await rows(page, 'connections').count()) === 1, 'one row')
    await page.locator('#connections .opener').click()
    await page.locator('.details dd', { hasText: /^second$/ }).waitFor()
    await page.locator('.details .chip', { hasText: '@session:second' }).click()
    await page.locator('.chip', { hasText: 'in @session:second' }).waitFor()
    await show(page, 'rooms')
    await page.locator('#rooms tr[data-key="@all"]', { hasText: '2' }).waitFor()
    await page.locator('#rooms th button', { hasText: /^Room$/ }).click()
    await page.locator('#rooms th[data-sort=name][aria-sort=ascending]').waitFor()
  })

test('a client is disconnected, once that is confirmed', async (t) => {
  const { server, page } = await panel(t)
  const { closed } = await visitor(t, server)
  await show(page, 'connections')
  const button = page.getByRole('button', { name: /^Disconnect / })
  await button.click()
  await answer(page, 'Cancel')
  await button.click()
  await page.keyboard.press('Escape')
  assert.equal(await closed(), undefined)
  await button.click()
  await answer(page, 'Disconnect')
  await until(async () => (await closed()) === 4409, 'it is closed')
  await page.locator('#toast', { hasText: '1 connection closed' }).waitFor()
})

test('an address is banned and let in again', async (t) => {
  const { page } = await panel(t)
  await show(page, 'bans')
  await page.locator('#ban-ip').fill('192.0.2.7')
  await page.locator('#ban-seconds').selectOption('3600')
  await page.getByRole('button', { name: 'Ban …' }).click()
  await answer(page, 'Ban')
  await page.locator('#ban-list tr[data-ip="192.0.2.7"]', { hasText: '59 min' }).waitFor()
  await page.locator('[data-count=bans]', { hasText: '1' }).waitFor()
  await page.getByRole('button', { name: 'Lift the ban of 192.0.2.7' }).click()
  await answer(page, 'Lift the ban')
  await page.locator('#ban-list', { hasText: 'Nobody is banned' }).waitFor()
  await page.locator('#ban-ip').fill('nonsense')
  await page.getByRole('button', { name: 'Ban …' }).click()
  await answer(page, 'Ban')
  await page.locator('#toast.error', { hasText: 'IP address' }).waitFor()
})

test('the key: asked for, refused if wrong, kept for the tab alone', async (t) => {
  const { server, page } = await panel(t, { options: { admin: 1, api_key: 'secret-key' } })
  const enter = async (key) => {
    await page.getByLabel('Key').fill(key)
    await page.keyboard.press('Enter')
  }
  await enter('wrong')
  await page.locator('#login-error', { hasText: 'not accepted' }).waitFor()
  assert.ok(await page.locator('#panel').isHidden())
  await enter('secret-key')
  await page.locator('#tiles').waitFor()
  await page.reload()
  await page.locator('#tiles').waitFor()
  const kept = await page.evaluate(() => [
    document.cookie,
    JSON.stringify(localStorage),
    JSON.stringify(sessionStorage),
  ])
  assert.ok(!kept[0].includes('secret') && !kept[1].includes('secret') && kept[2].includes('secret'))
  const other = await open(t, page.context(), server.url('/ws/admin'))
  await other.getByLabel('Key').waitFor()
})

test('switched off, it says how to switch it on', async (t) => {
  const { page } = await panel(t, { options: {} })
  await page.locator('.refusal', { hasText: 'WEBSOCKET_ADMIN' }).waitFor()
})

test('a server that is killed shows, and what it showed comes back', async (t) => {
  const { server, page } = await panel(t)
  await page.locator('#status', { hasText: 'ok' }).waitFor()
  await server.kill()
  await page.locator('#status', { hasText: 'unreachable' }).waitFor()
  await server.start()
  await page.locator('#status', { hasText: 'ok' }).waitFor()
})

test('events: as they happen, filtered, paused', async (t) => {
  const { server, page } = await panel(t)
  await watchEvents(page)
  await page.locator('#tail .empty').waitFor()
  await server.post('/control/publish', { room: 'a', count: 2, type: 'first' })
  await server.post('/control/publish', { room: 'b', count: 1, type: 'second' })
  const events = page.locator('#tail li')
  await until(async () => (await events.count()) === 3, 'three events')
  await page.locator('#events-filter').fill('second')
  await until(async () => (await events.count()) === 1, 'one is left')
  await page.locator('#tail .payload').click()
  assert.match(await page.locator('#tail .payload').textContent(), /\n {2}"type": "second"/)
  await page.locator('#events-filter').fill('')
  await page.locator('#events-pause').click()
  await server.post('/control/publish', { room: 'a', count: 1, type: 'third' })
  await page.locator('#events-pause', { hasText: '1 newer' }).waitFor()
  assert.equal(await events.count(), 3)
  await page.locator('#events-pause').click()
  await until(async () => (await events.count()) === 4, 'four events')
})

test('texts of clients and applications run nothing, wherever they are shown', async (t) => {
  const { server, page } = await panel(t)
  const path = `/ws/updates?session_id=${encodeURIComponent(HOSTILE)}`
  await visitor(t, server, path, { userAgent: HOSTILE })
  await show(page, 'connections')
  await page.locator('#connections .opener').click()
  await page.locator('.details dd', { hasText: HOSTILE }).first().waitFor()
  await watchEvents(page)
  await server.post('/control/publish', { room: 'a', count: 1, type: HOSTILE })
  await page.locator('#tail b', { hasText: HOSTILE }).waitFor()
  await page.locator('#tail .payload').first().click()
  // Whatever else may come in an answer: every text of it is hostile from here on.
  await page.route('**/state?*', async (route) => {
    const state = await (await route.fetch()).json()
    await route.fulfill({ json: spoilt(state, route.request().url()) })
  })
  for (const view of VIEWS) {
    await show(page, view)
    const shown = {
      overview: '#facts',
      connections: '#connections tbody',
      rooms: '#rooms tbody',
      events: '#tail',
      bans: '#ban-list tbody',
    }
    await page.locator(shown[view], { hasText: 'onerror' }).waitFor()
    for (const opener of await page.locator(`#${view} .opener:visible, #${view} .payload:visible`).all())
      await opener.click()
    for (const action of ['Disconnect', 'Lift']) {
      const button = page.locator(`#${view} td button`, { hasText: new RegExp(`^${action}$`) })
      if (!(await button.count())) continue
      await button.first().click()
      await page.locator('#confirm', { hasText: 'onerror' }).waitFor()
      await answer(page, 'Cancel')
    }
  }
  assert.equal(await page.evaluate(() => window.hacked), undefined)
  assert.equal(await page.locator('img, main script').count(), 0)
})

/** Publications are noted from the first answer on. */
async function watchEvents(page) {
  const answered = page.waitForResponse((response) => response.url().includes('view=events'))
  await show(page, 'events')
  await answered
}

/** An answer in which every text ends with markup. Bans and events have a row at least. */
function spoilt(state, url) {
  if (url.includes('view=bans'))
    state.bans = [
      { ip: '192.0.2.7', until: '2030-01-01T00:00:00Z', seconds: 5, reason: 'x', automatic: true, count: 1 },
    ]
  if (url.includes('view=events'))
    state.events.rows = [
      { n: 1e6, at: 1, room: 'r', type: 't', text: 'x', offset: 1, recipients: 1, bytes: 1, binary: false },
    ]
  const fixed = new Set(['fields', 'until'])
  const spoil = (value, name) => {
    if (fixed.has(name)) return value
    if (typeof value === 'string') return value + HOSTILE
    if (Array.isArray(value)) return value.map((one) => spoil(one))
    if (value && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, spoil(one, key)]))
    return value
  }
  return spoil(state)
}

const LOOKS = {
  dark: { colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  light: { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  narrow: { colorScheme: 'dark', viewport: { width: 400, height: 900 } },
}

test('the store: what it writes, where a room is kept, and that it is down', async (t) => {
  const store = await storeFile(t)
  const { page } = await panel(t, {
    options: { admin: 1, store },
    disk: ['kept'],
    publish: ['kept', 'other'],
    perSecond: 20,
  })
  const fact = (name) => page.locator('#store-facts div', { hasText: name }).locator('dd')
  await fact('since the start')
    .filter({ hasText: /^[1-9]/ })
    .waitFor()
  await fact('write-ahead log').filter({ hasText: /[1-9]/ }).waitFor()
  await page.locator('[data-tile=store] small', { hasText: 'written' }).waitFor()
  await show(page, 'rooms')
  for (const [room, where] of [
    ['kept', 'disk'],
    ['other', 'memory'],
  ])
    await page.locator(`#rooms tr[data-key=${room}] td`, { hasText: where }).waitFor()
  await rm(store)
  await show(page, 'overview')
  await page.locator('[data-tile=store][data-level=bad] b', { hasText: 'down' }).waitFor()
  await page.locator('#store[data-level=bad] p', { hasText: 'removed or replaced' }).waitFor()
})

test('a panel without a store does not speak of one', async (t) => {
  const { page } = await panel(t)
  await page.locator('[data-tile=connections] b').waitFor()
  assert.ok(await page.locator('#store').isHidden())
  assert.ok(await page.locator('[data-tile=store]').isHidden())
})

test('axe finds nothing: dark, light and narrow', async (t) => {
  const store = await storeFile(t)
  const { server } = await panel(t, {
    options: { admin: 1, store },
    disk: ['kept'],
    publish: ['@all', 'kept'],
    perSecond: 5,
  })
  await visitor(t, server)
  await server.post('/api/ws/admin/ban', { ip: '192.0.2.7', seconds: 600 })
  await mkdir(SHOTS, { recursive: true })
  for (const [name, look] of Object.entries(LOOKS)) {
    // bypassCSP: axe is a script that the panel's own policy would not let in.
    const page = await open(t, await contextOf(t, browser, { ...look, bypassCSP: true }), server.url('/ws/admin'))
    await page.evaluate(axe.source)
    for (const view of VIEWS) {
      await show(page, view)
      if (view === 'connections') await page.locator('#connections .opener').click()
      if (view === 'events') await page.locator('#tail time').first().waitFor()
      if (view === 'bans') await page.locator('#ban-list button').waitFor()
      await page.screenshot({ path: `${SHOTS}/admin-${view}-${name}.png` })
      // The theme changes colours alone.
      const rules = name === 'light' ? { runOnly: ['color-contrast'] } : {}
      const { violations } = await page.evaluate((options) => window.axe.run(options), rules)
      const found = violations.map((one) => [name, view, one.id, one.help, one.nodes[0].html])
      assert.deepEqual(found, [])
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${view} is too wide`)
    }
  }
})

test('by keyboard alone: views, a chart, a sort, a dialogue', async (t) => {
  const { server, page } = await panel(t)
  await visitor(t, server)
  await page.locator('.chart svg').first().focus()
  await page.keyboard.press('ArrowLeft')
  await page
    .locator('figcaption', { hasText: /, \d\d:\d\d:\d\d$/ })
    .first()
    .waitFor()
  await page.locator('nav a[data-view=connections]').focus()
  await page.keyboard.press('Enter')
  await page.locator('#connections th button', { hasText: 'User' }).focus()
  await page.keyboard.press('Enter')
  await page.locator('#connections th[aria-sort=ascending]', { hasText: 'User' }).waitFor()
  const opener = page.locator('#connections .opener')
  await opener.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Disconnect client …' }).press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancel')
  await page.keyboard.press('Enter')
  await page.locator('#confirm').waitFor({ state: 'hidden' })
  await page.locator('#connections .opener[aria-expanded=true]').waitFor()
})
