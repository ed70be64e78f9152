// The example's page in a browser: what it looks like, what its buttons do, and what it is made of.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { APP, add, clean, freePort, job, launch, live, next, open, send, stop, story, toast } from './support.mjs'
import { checkSchemes } from './schemes.mjs'

const SHOTS = join(APP, '../next-shots')

let browser, port, server
before(async () => {
  mkdirSync(SHOTS, { recursive: true })
  port = await freePort()
  ;[browser, server] = await Promise.all([launch(), next(port, 'start')])
})
after(() => Promise.all([browser?.close(), server && stop(server)]))

test('commands: a job is cancelled, runs again, and what cannot be done is said', async (t) => {
  const page = await open(t, browser, port)
  await page.getByText('Compress', { exact: true }).click()
  // By the page itself, as soon as it can be: the job must not be over before.
  await page.evaluate(() => {
    const observer = new MutationObserver(() => {
      const button = document.querySelector('[aria-label="Cancel long.bin"]')
      if (!button) return
      observer.disconnect()
      button.click()
    })
    observer.observe(document.body, { childList: true, subtree: true })
  })
  await send(page, 'long.bin', randomBytes(40_000_000)) // seconds of work
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

test('a film is transcoded, and can be fetched', async (t) => {
  const source = ['-f', 'lavfi', '-i', 'testsrc=duration=1:size=160x120:rate=10', '-pix_fmt', 'yuv420p']
  const folder = mkdtempSync(join(tmpdir(), 'film-'))
  t.after(() => rmSync(folder, { recursive: true }))
  // Not by a pipe: what is written to one does not say how long it is.
  const film = join(folder, 'film.mkv')
  const made = spawnSync('ffmpeg', ['-v', 'error', ...source, film])
  assert.equal(made.status, 0, `ffmpeg: ${made.error ?? made.stderr}`)
  const page = await open(t, browser, port)
  await page.getByText('Transcode', { exact: true }).click()
  await send(page, 'film.mkv', readFileSync(film))
  await job(page, 'film.mkv').getByText('completed').waitFor()
  const link = await page.getByRole('link', { name: 'Download film.mkv' }).getAttribute('href')
  const bytes = Buffer.from(await (await fetch(new URL(link, page.url()))).arrayBuffer())
  assert.equal(bytes.toString('latin1', 4, 8), 'ftyp') // MP4
  await clean(page)
})

test('without ffmpeg nothing is transcoded: page and server say so, and the rest works', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'no-ffmpeg-'))
  t.after(() => rmSync(empty, { recursive: true }))
  const bare = await freePort()
  const without = await next(bare, 'start', APP, { PATH: empty })
  t.after(() => stop(without))
  const page = await open(t, browser, bare)
  const choice = page.getByTitle('There is no ffmpeg on this machine')
  assert.equal(await choice.innerText(), 'Transcode')
  assert.equal(await choice.getByRole('radio').isDisabled(), true)
  const answer = await fetch(`http://127.0.0.1:${bare}/api/jobs?kind=transcode&name=a.mkv`, {
    method: 'POST',
    body: 'x',
  })
  assert.deepEqual([answer.status, await answer.json()], [400, { error: 'there is no ffmpeg on this machine' }])
  await send(page, 'text.txt', Buffer.from('compressed'))
  await job(page, 'text.txt').getByText('completed').waitFor()
  await clean(page)
})

test('the server renders all of it, and nothing flashes', async (t) => {
  const page = await open(t, browser, port)
  await add(page, 'In the first HTML')
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

test('the style sheet as Turbopack builds it: light, dark, and turned by script, in a page that says nothing itself', async () => {
  const page = await browser.newPage()
  const folder = join(APP, '.next/static')
  const sheets = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.css'))
  await page.setContent('<!doctype html><div class="wsm-card">A card</div>')
  for (const name of sheets) await page.addStyleTag({ content: readFileSync(join(folder, name), 'utf8') })
  // The application's own rules go: they declare a color-scheme, and the templates' don't.
  const kept = await page.evaluate(() => {
    for (const { ownerNode, cssRules } of document.styleSheets)
      for (let i = cssRules.length - 1; i >= 0; i--)
        if (!/\.wsm-|--wsm-if-/.test(cssRules[i].cssText)) ownerNode.sheet.deleteRule(i)
    return [...document.styleSheets].reduce((sum, { cssRules }) => sum + cssRules.length, 0)
  })
  assert.ok(kept > 100, `${kept} rules`)
  await checkSchemes(page, 'Turbopack')
  await page.close()
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
