// The example's page in a browser: live, joined to what the server has rendered, and true again after whatever happens to the server.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { APP, freePort, launch, live, next, open, send, stop } from './support.mjs'

const SHOTS = join(APP, '../next-shots')

let browser, port, server
before(async () => {
  mkdirSync(SHOTS, { recursive: true })
  port = await freePort()
  ;[browser, server] = await Promise.all([launch(), next(port, 'start')])
})
after(() => Promise.all([browser?.close(), server && stop(server)]))

const job = (page, name) => page.getByTestId('job').filter({ hasText: name })
const story = (page, title) => page.getByTestId('story').filter({ hasText: title })
const toast = (page, text) => page.locator('[data-sonner-toast]').filter({ hasText: text })
const clean = async (...pages) => {
  for (const page of pages) {
    assert.deepEqual(page.problems, [])
    assert.equal(await page.evaluate(() => window.notReloaded), true, 'the page was loaded again')
  }
}

test('two windows: jobs, the board, the log and notifications, through a kill and a restart', async (t) => {
  const ownPort = await freePort()
  let own = await next(ownPort, 'start')
  t.after(() => stop(own))
  const one = await open(t, browser, ownPort)
  const other = await open(t, browser, ownPort)
  await one.getByText('2 windows').waitFor()

  // Figures that change, without anybody's doing.
  await one.getByTestId('memory').getByText('GB').waitFor()

  // A file becomes a job in both windows, and its result is right.
  const bytes = Buffer.alloc(3_000_000, 'ws_manager')
  await one.getByText('SHA-256').click()
  await send(one, 'sample.bin', bytes)
  const hash = `sha256 ${createHash('sha256').update(bytes).digest('hex')}`
  for (const page of [one, other]) {
    await job(page, 'sample.bin').getByText(hash).waitFor()
    await job(page, 'sample.bin').getByText('completed').waitFor()
    await toast(page, 'sample.bin is done').waitFor()
  }

  // Who reads a notification reads it for all windows.
  await one.getByLabel('Notifications, 1 unread').click()
  await other.getByLabel('Notifications, 1 unread').waitFor()
  await one.getByRole('button', { name: 'Mark as read' }).click()
  await other.getByLabel('Notifications', { exact: true }).waitFor()
  await one.keyboard.press('Escape')

  // A story moves from window to window.
  await one.getByLabel('Title of a new story').fill('Made in one window')
  await one.getByRole('button', { name: 'Add', exact: true }).click()
  await story(other, 'Made in one window').waitFor()
  await other.getByLabel('Column of Made in one window').selectOption('Done')
  await one.getByTestId('column-Done').getByText('Made in one window').waitFor()
  await one.getByRole('log').getByText('“Made in one window” moved to Done').waitFor()

  // The server dies and comes back: its memory is lost, and the pages say and show what is true now.
  await stop(own)
  for (const page of [one, other]) await page.locator('.wsm-status').getByText('Reconnecting').waitFor()
  await one.getByLabel('Title of a new story').fill('Lost')
  await one.getByRole('button', { name: 'Add', exact: true }).click()
  await toast(one, 'The server can’t be reached').waitFor()
  own = await next(ownPort, 'start')
  for (const page of [one, other]) {
    await live(page)
    await story(page, 'Made in one window').waitFor({ state: 'detached' })
    await story(page, 'Restart the server with the page open').waitFor()
    await page.getByText('Nothing has been sent yet').waitFor()
  }
  // And it is live again: what happens now comes as ever.
  await one.getByLabel('Title of a new story').fill('After the restart')
  await one.getByRole('button', { name: 'Add', exact: true }).click()
  await story(other, 'After the restart').waitFor()
  await clean(one, other)
})

test('commands: a job is cancelled, runs again, and what cannot be done is said', async (t) => {
  const page = await open(t, browser, port)
  await page.getByText('Compress', { exact: true }).click()
  await send(page, 'long.bin', randomBytes(20_000_000)) // seconds of work
  await page.getByRole('button', { name: 'Cancel long.bin' }).click()
  await job(page, 'long.bin').getByText('cancelled').waitFor()
  await page.getByRole('button', { name: 'Run again: long.bin' }).click()
  await job(page, 'long.bin').getByText('completed').waitFor()
  await page.getByRole('link', { name: 'Download long.bin' }).waitFor()

  // A failure is a notification with a button, in the toast and behind the bell.
  await page.getByText('Transcode', { exact: true }).click()
  await send(page, 'no film.mp4', Buffer.from('none'))
  await job(page, 'no film.mp4').getByText('failed').waitFor()
  await toast(page, 'no film.mp4 failed').getByRole('button', { name: 'Run again' }).click()
  await page.getByRole('button', { name: /^Notifications/ }).click()
  const list = page.getByRole('region', { name: 'Notifications', exact: true })
  await list.getByText('no film.mp4 failed').nth(1).waitFor()

  // Somebody else is faster: the server says no, and the page says why.
  const refused = await page.evaluate(async (url) => {
    const socket = new WebSocket(url)
    await new Promise((resolve) => (socket.onopen = resolve))
    socket.send(JSON.stringify({ action: 'restart_job', job_id: 'gone', id: 1 }))
    return new Promise((resolve) => {
      socket.onmessage = ({ data }) => JSON.parse(data).id === 1 && resolve(JSON.parse(data).data)
    })
  }, `ws://127.0.0.1:${port}/ws/dashboard`)
  assert.deepEqual(refused, { ok: false, reason: 'there is no such job any more' })
  await clean(page)
})

test('what the server rendered is joined without a gap while jobs come and go, and the server too', async (t) => {
  const ownPort = await freePort()
  let own = await next(ownPort, 'start')
  t.after(() => stop(own))
  /** Posts so many jobs, one after the other, whether the server is there or not. */
  const post = async (name, count) => {
    for (let i = 0; i < count; await new Promise((resolve) => setTimeout(resolve, 25))) {
      const url = `http://127.0.0.1:${ownPort}/api/jobs?kind=hash&name=${name}-${i}`
      const answer = await fetch(url, { method: 'POST', body: name }).catch(() => null)
      if (answer) assert.equal(answer.status, 202)
      if (answer) i++
    }
  }
  const shown = (page) =>
    page.evaluate(() => [...document.querySelectorAll('[data-testid=job]')].map((each) => each.innerText))
  /** All pages come to what a page shows that was rendered when all was over. */
  const same = async (pages, first) => {
    const last = await open(t, browser, ownPort)
    await last.getByText('0 running, 0 waiting').waitFor()
    const truth = await shown(last)
    assert.ok(truth[0].includes(first), truth[0])
    for (const page of pages) {
      await page.waitForFunction(
        (list) => list === [...document.querySelectorAll('[data-testid=job]')].map((each) => each.innerText).join(),
        truth.join(),
      )
      await page.getByText('0 running, 0 waiting').waitFor()
    }
  }

  const posting = post('concurrent', 60)
  const pages = []
  for (let i = 0; i < 3; i++) pages.push(await open(t, browser, ownPort))
  await posting
  await same(pages, 'concurrent-59')
  for (const page of pages) {
    await page.getByText('success 60').waitFor() // in the log
    assert.equal(page.sockets.length, 1)
  }

  await stop(own)
  const again = post('restarted', 30)
  own = await next(ownPort, 'start')
  await again
  await same(pages, 'restarted-29')
  await clean(...pages)
})

test('the server renders all of it, and nothing flashes', async (t) => {
  const page = await open(t, browser, port)
  await page.getByLabel('Title of a new story').fill('In the first HTML')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await story(page, 'In the first HTML').waitFor()
  const html = await (await fetch(`http://127.0.0.1:${port}/`)).text()
  assert.match(html, /In the first HTML/)
  assert.match(html, /was created/) // the log
  assert.match(html, />Connecting</)
  assert.doesNotMatch(html, />Offline</)
})

test('accessible and complete in dark, light and narrow windows', async (t) => {
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
  for (const [name, colorScheme, width, height] of [
    ['dark', 'dark', 1440, 1000],
    ['light', 'light', 1440, 1000],
    ['narrow', 'dark', 400, 900],
    ['narrow-light', 'light', 400, 900],
  ]) {
    const page = await open(t, browser, port, {
      colorScheme,
      viewport: { width, height },
      reducedMotion: 'reduce',
    })
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `${name} scrolls sideways`)
    await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: width < 1000 })
    await page.getByRole('button', { name: /^Notifications/ }).click()
    await page.screenshot({ path: join(SHOTS, `${name}-notifications.png`) })
    await page.addScriptTag({ path: axe })
    const { violations } = await page.evaluate(() => globalThis.axe.run())
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)
    assert.deepEqual(found, [], name)
    await clean(page)
  }
})

test('the theme is kept, and is there before anything is painted', async (t) => {
  const page = await open(t, browser, port, { colorScheme: 'dark' })
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  assert.equal(await background(), 'rgb(10, 10, 10)')
  await page.getByRole('button', { name: 'Switch between dark and light' }).click()
  assert.equal(await background(), 'rgb(250, 250, 250)')
  await page.goto(`http://127.0.0.1:${port}/`, { waitUntil: 'commit' })
  await page.waitForFunction(() => document.body?.firstElementChild)
  assert.equal(await background(), 'rgb(250, 250, 250)')
  await live(page)
  assert.deepEqual(page.problems, [])
})

test('no part of the server is in what the browser loads', () => {
  const folder = join(APP, '.next/static')
  const scripts = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.js'))
  assert.ok(scripts.length > 0)
  for (const name of scripts) {
    const text = readFileSync(join(folder, name), 'utf8')
    assert.doesNotMatch(text, /ws_manager\.node|withWsManager|notifyPipelineUpdate|handOver|node:http/, name)
  }
})
