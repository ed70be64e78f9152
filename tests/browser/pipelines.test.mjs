// The page of examples/fastapi-pipelines, as `make demo` serves it: in both themes, narrow, by keyboard alone, without a WebSocket.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { contextOf, launch, open } from './support/browser.mjs'
import { LONG, ROOT, freePort, until } from './support/server.mjs'

const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const browser = await launch()
const port = await freePort()
const url = `http://127.0.0.1:${port}/`
const ROUNDS = Number(process.env.WSM_ROUNDS ?? 5)
const folder = await mkdtemp(join(tmpdir(), 'wsm-pipelines-'))
const store = join(folder, 'rooms.db')
let server = start()
after(async () => {
  await kill()
  await rm(folder, { recursive: true })
})

function start() {
  return spawn(join(ROOT, '.venv/bin/python'), [join(ROOT, 'examples/fastapi-pipelines/run.py'), '--port', `${port}`], {
    stdio: 'ignore',
    env: { ...process.env, DEMO_SOURCE: '', WEBSOCKET_STORE: store },
  })
}

async function kill() {
  server.kill('SIGKILL')
  await once(server, 'exit')
}

const pictures = () =>
  until(async () => {
    if (server.exitCode !== null) assert.fail('the demo did not start')
    const state = await fetch(`${url}api/state`).then(
      (answer) => answer.json(),
      () => null,
    )
    return state?.pipelines.every(({ preview }) => preview)
  }, 'the demo shows pictures')
const ready = pictures()

const live = (page) => page.locator('[data-testid=connection][data-state=connected]').waitFor()

async function demo(t, options, hash = '#/') {
  await ready
  const context = await contextOf(t, browser, { viewport: { width: 1440, height: 900 }, ...options })
  const page = await open(t, context, url + hash)
  await live(page)
  await page.locator('img.picture').first().waitFor()
  return page
}

/** What a checker of accessibility says. Through the debugger, as the page's own policy allows no script but its files. */
async function complaints(page) {
  const debuggerOf = await page.context().newCDPSession(page)
  await debuggerOf.send('Runtime.evaluate', { expression: axe })
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
  })
  await debuggerOf.detach()
  return found
}

const received = async (page) => Number((await page.getByTestId('received').textContent()).replace(/\D/g, ''))

/** How far what is there has been moved by what changes, while so many messages come. */
async function shifts(page, messages) {
  await page.evaluate(() => {
    globalThis.moved = 0
    globalThis.watch?.disconnect()
    globalThis.watch = new PerformanceObserver((list) => {
      for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.moved += value
    })
    globalThis.watch.observe({ type: 'layout-shift' })
  })
  const before = await received(page)
  await until(async () => (await received(page)) >= before + messages, `${messages} messages`)
  return page.evaluate(() => globalThis.moved)
}

for (const [hash, name] of [
  ['#/', 'the overview'],
  ['#/pipeline/crossing', 'one pipeline'],
])
  test(`${name}: accessible in both themes and narrow, within its window, and nothing moves as numbers change`, async (t) => {
    const page = await demo(t, { reducedMotion: 'reduce', colorScheme: 'dark' }, hash)
    await page.getByRole('log').locator('.wsm-line').first().waitFor()
    const check = async (how) => {
      assert.deepEqual(await complaints(page), [], how)
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), how)
    }
    await check('dark')
    assert.ok((await shifts(page, 30)) < 0.02)
    await page.emulateMedia({ colorScheme: 'light' })
    await check('light')
    await page.setViewportSize({ width: 400, height: 860 })
    await check('400 px')
    assert.ok((await shifts(page, 30)) < 0.02)
  })

test('everything can be done by keyboard alone, and the focus is always to be seen', async (t) => {
  const page = await demo(t)
  const focused = () => page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.textContent)
  const tabTo = async (name) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab')
      const outline = await page.evaluate(() => {
        const shown = (element, part) => getComputedStyle(element, part).outlineStyle !== 'none'
        return shown(document.activeElement) || shown(document.activeElement, '::after')
      })
      assert.ok(outline, `no ring around ${await focused()}`)
      if ((await focused()) === name) return
    }
    assert.fail(`Tab does not lead to ${name}`)
  }
  await tabTo('Skip to the content')
  await page.keyboard.press('Enter')
  await tabTo('Stop Motion')
  await page.keyboard.press('Enter')
  await page.locator('[data-status=stopped]').first().waitFor()
  assert.equal(await focused(), 'Start Motion') // the focus stays where it was
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Pipeline Motion' }).getByText('running').waitFor()
  await page.reload()
  await live(page)
  await tabTo('Connection details')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'Connection' }).waitFor()
  await page.keyboard.press('Escape')
  await tabTo('Line crossing')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Line crossing', level: 1 }).waitFor()
})

test('where no WebSocket gets through the page says that it is late, and goes on', async (t) => {
  await ready
  const context = await contextOf(t, browser)
  await context.addInitScript(() => (Math.random = () => 0.01)) // how long it waits between attempts
  await context.routeWebSocket(/\/ws/, (socket) => socket.close({ code: 1011 }))
  const page = await open(t, context, url)
  await page.locator('[data-testid=connection][data-state=degraded]').waitFor({ timeout: LONG })
  await page.getByText('Delayed').waitFor()
  await until(async () => (await received(page)) > 0, 'messages come')
  assert.equal(page.refusals, 0, 'requests that the server refused')
})

// Last, as it ends the server that the others use.
test(`killed and started again, ${ROUNDS} times: the page always says so, and shows each life of the server once`, async (t) => {
  const page = await demo(t, { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.evaluate(() => {
    const state = () => document.querySelector('[data-testid=connection]').dataset.state
    globalThis.states = [state()]
    new MutationObserver(() => states.push(state())).observe(document.querySelector('[data-testid=connection]'), {
      attributeFilter: ['data-state'],
    })
  })
  for (let round = 0; round < ROUNDS; round++) {
    await kill()
    await page.locator('[data-testid=connection][data-state=reconnecting]').waitFor()
    server = start()
    await live(page)
    await pictures()
    const frames = () => page.locator('img.picture').first().getAttribute('src')
    const before = await frames()
    await until(async () => (await frames()) !== before, 'the page shows what the server of now sends')
  }
  const expected = ['connected', ...Array(ROUNDS).fill(['reconnecting', 'connected']).flat()]
  assert.deepEqual(await page.evaluate(() => states), expected)
  // Each server says this once: a line that is missing is a gap, one that stands twice a duplicate.
  await page.getByPlaceholder('Find').fill('Demo started')
  const started = async () => {
    await page.getByRole('button', { name: 'Copy' }).click()
    const lines = (await page.evaluate(() => navigator.clipboard.readText())).split('\n')
    return lines.filter((line) => line.includes('Demo started with 4 pipelines')).length
  }
  await until(async () => (await started()) >= ROUNDS + 1, 'every life is there')
  assert.equal(await started(), ROUNDS + 1)
})
