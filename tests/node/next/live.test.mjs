// The example's page in a browser: live, joined to what the server has rendered, and true again after whatever happens to the server.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { APP, add, clean, freePort, job, kept, launch, live, next, open, send, stop, story, toast } from './support.mjs'

let browser
before(async () => {
  browser = await launch()
})
after(() => browser?.close())

/** An ffmpeg that is never done, until there is a file `ends`: a job that runs, for as long as the test wants. */
function endlessFilms(t) {
  const folder = mkdtempSync(join(tmpdir(), 'films-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const ends = join(folder, 'ends')
  const program = (name, text) => writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  program('ffprobe', 'echo 100')
  program(
    'ffmpeg',
    `[ "$1" = -version ] && exit 0
    if [ -e '${ends}' ]; then for last; do :; done; echo film >"$last"; exit 0; fi
    echo out_time_us=1000000; exec tail -f /dev/null`,
  )
  return { ends, env: { PATH: `${folder}${delimiter}${process.env.PATH}` } }
}

test('two windows: jobs, the board, the log and notifications, through a kill and a restart', async (t) => {
  const ownPort = await freePort()
  const film = endlessFilms(t)
  let own = await next(ownPort, 'start', APP, film.env)
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
  await add(one, 'Made in one window')
  await story(other, 'Made in one window').waitFor()
  await other.getByLabel('Column of Made in one window').selectOption('Done')
  await one.getByTestId('column-Done').getByText('Made in one window').waitFor()
  await one.getByRole('log').getByText('“Made in one window” moved to Done').waitFor()

  // The server is killed. What it had kept and not told yet is told by the next one: here by a story that only the file knows.
  await one.getByText('Transcode', { exact: true }).click()
  await send(one, 'one.mkv', Buffer.from('no end'))
  await send(one, 'two.mkv', Buffer.from('no end'))
  await send(one, 'three.mkv', Buffer.from('waits'))
  for (const page of [one, other]) await page.getByText('2 running, 1 waiting').waitFor()
  await stop(own)
  for (const page of [one, other]) await page.locator('.wsm-status').getByText('Reconnecting').waitFor()
  await add(one, 'Lost')
  await toast(one, 'The server can’t be reached').waitFor()
  const state = JSON.parse(readFileSync(join(kept(ownPort), 'state.json'), 'utf8'))
  state.board.stories.push({ id: 'STR-untold', title: 'Kept and not told', column: 'Review', tasks: [] })
  writeFileSync(join(kept(ownPort), 'state.json'), JSON.stringify(state))
  writeFileSync(film.ends, '')

  // The next one goes on: what ran has failed and can run again, what waited is done, and everything else is there.
  own = await next(ownPort, 'start', APP, film.env)
  for (const page of [one, other]) {
    await live(page)
    for (const name of ['one.mkv', 'two.mkv']) await job(page, name).getByText('the server was restarted').waitFor()
    await job(page, 'three.mkv').getByText('completed').waitFor()
    await job(page, 'sample.bin').getByText(hash).waitFor()
    await page.getByTestId('column-Done').getByText('Made in one window').waitFor()
    await page.getByTestId('column-Review').getByText('Kept and not told').waitFor()
    await page.getByLabel('Notifications, 3 unread').waitFor()
  }
  await one.getByRole('button', { name: 'Run again: one.mkv' }).click()
  await job(other, 'one.mkv').getByText('completed').waitFor()
  await add(one, 'After the restart')
  await story(other, 'After the restart').waitFor()
  // By events alone: no page has asked for another snapshot. One that is opened now shows the same.
  const late = await open(t, browser, ownPort)
  await story(late, 'After the restart').waitFor()
  await job(late, 'two.mkv').getByText('failed').waitFor()
  await late.getByLabel('Notifications, 4 unread').waitFor()
  for (const page of [one, other]) assert.deepEqual(page.refreshes, [])
  await clean(one, other, late)
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

  const posting = post('concurrent', 40)
  const pages = []
  for (let i = 0; i < 3; i++) pages.push(await open(t, browser, ownPort))
  await posting
  await same(pages, 'concurrent-39')
  for (const page of pages) {
    await page.getByText('success 40').waitFor() // in the log
    assert.equal(page.sockets.length, 1)
  }

  await stop(own)
  const again = post('restarted', 15)
  own = await next(ownPort, 'start')
  await again
  await same(pages, 'restarted-14')
  await clean(...pages)
})
