// Chromium, pages in it, and whatever a page complains of: that fails the test.
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { chromium } from 'playwright-core'
import { LONG } from './server.mjs'

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
// What playwright switches off, and users have.
export const AS_USERS_HAVE_IT = [
  '--disable-back-forward-cache',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
]

/** A browser for the tests of a file. */
export async function launch(options = {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGS, ...options })
  after(() => browser.close())
  return browser
}

/**
 * Chromium itself writes a line to the console for each request that fails, and no page can prevent it: so these lines are counted
 * apart (`page.refusals`). Everything else that is an error or a warning, each uncaught exception and each rejection that nobody
 * handles is a problem of ours.
 */
const BY_THE_BROWSER = /^(Failed to load resource: |WebSocket connection to '[^']*' failed: )/

export function collect(page) {
  page.problems = []
  page.refusals = 0
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    if (BY_THE_BROWSER.test(message.text())) page.refusals++
    else page.problems.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => page.problems.push(`uncaught: ${error.stack ?? error}`))
  return page
}

/** A page at `url`; the test fails if it complains. */
export async function open(t, context, url) {
  const page = collect(await context.newPage())
  page.setDefaultTimeout(LONG)
  t.after(() => assert.deepEqual(page.problems, [], 'what the page complained of'))
  await page.goto(url)
  return page
}

/** A context (cookies, storage, tabs that may share) that ends with the test. */
export async function contextOf(t, browser, options) {
  const context = await browser.newContext(options)
  t.after(() => context.close())
  return context
}
