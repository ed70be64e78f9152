// Servers of the example in each way that Next.js has, and pages of them in a browser.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import WebSocket from 'ws'

export const APP = process.env.NEXT_APP
export const STANDALONE = process.env.NEXT_STANDALONE
export const LONG = 120_000

/** Where the server of a port keeps what outlives it. */
export const kept = (port) => join(APP, '../next-kept', String(port))

/** A port that nobody has, and nothing kept for it. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  rmSync(kept(port), { recursive: true, force: true })
  return port
}

/** A server of the application; answers when `page` does. */
export async function serve(port, command, args, folder, env = {}, page = '/') {
  const child = spawn(command, args, {
    cwd: folder,
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      PORT: String(port),
      HOSTNAME: '127.0.0.1',
      NEXT_TELEMETRY_DISABLED: '1',
      DASHBOARD_FOLDER: kept(port),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own: next dev has children
  })
  child.said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (child.said += data))
  child.gone = once(child, 'exit')
  for (const end = Date.now() + LONG; ; await sleep(100)) {
    const answer = await fetch(`http://127.0.0.1:${port}${page}`).catch(() => null)
    if (answer?.ok) return child
    if (child.exitCode !== null || Date.now() > end) assert.fail(`the server does not answer: ${child.said}`)
  }
}

export const next = (port, mode, folder = APP, env = {}) =>
  serve(
    port,
    process.execPath,
    ['node_modules/next/dist/bin/next', mode, '--port', String(port), '--hostname', '127.0.0.1'],
    folder,
    env,
  )

export async function stop(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It is over already.
  }
  await child.gone
}

/** The first message of a connection, or the HTTP status it was refused with. */
export function first(port, path) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
    const timer = setTimeout(() => reject(new Error(`${path} says nothing`)), LONG)
    const end = (value) => {
      clearTimeout(timer)
      resolve(value)
      socket.terminate()
    }
    socket.on('message', (data) => end(JSON.parse(String(data))))
    socket.on('unexpected-response', (_request, response) => end(response.statusCode))
    socket.on('error', () => end('ended'))
  })
}

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })

/** A page that is live. `problems`: what the console says, hydration that differs too; `sockets`: those it has opened to our paths; `refreshes`:
 * what it asked the server to render anew. */
export async function open(t, browser, port, options = {}) {
  const context = await browser.newContext(options)
  t.after(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(LONG)
  page.problems = []
  page.sockets = []
  page.refreshes = []
  page.on('console', (message) => {
    // What the browser itself says of a server that is away is no fault of the page's.
    if (['error', 'warning'].includes(message.type()) && !/ERR_|WebSocket connection to/.test(message.text()))
      page.problems.push(message.text())
  })
  page.on('pageerror', (error) => page.problems.push(String(error)))
  page.on('request', (request) => {
    if (request.headers().rsc) page.refreshes.push(request.url())
  })
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).pathname.startsWith('/ws')) page.sockets.push(socket.url())
  })
  await page.goto(`http://127.0.0.1:${port}/`)
  await live(page)
  // Is gone if anything loads the page again.
  await page.evaluate(() => (window.notReloaded = true))
  return page
}

export const live = (page) => page.locator('.wsm-status').getByText('Live').waitFor()

/** Sends a file to the job queue. */
export const send = (page, name, buffer) =>
  page.getByTestId('file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer })

export const job = (page, name) => page.getByTestId('job').filter({ hasText: name })
export const story = (page, title) => page.getByTestId('story').filter({ hasText: title })
export const toast = (page, text) => page.locator('[data-sonner-toast]').filter({ hasText: text })
/** No page said a word of trouble, and none was loaded again. */
export const clean = async (...pages) => {
  for (const page of pages) {
    assert.deepEqual(page.problems, [])
    assert.equal(await page.evaluate(() => window.notReloaded), true, 'the page was loaded again')
  }
}

/** A new story, by the form. */
export async function add(page, title) {
  await page.getByLabel('Title of a new story').fill(title)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
}
