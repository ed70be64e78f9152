// The style sheet as Vite builds it (with Lightning CSS), in pages that say nothing of dark and light, or something.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { test } from 'node:test'
import { build } from 'vite'
import { contextOf, launch, open } from './support/browser.mjs'
import { checkSchemes } from './support/schemes.mjs'
import { ROOT } from './support/server.mjs'

const browser = await launch()
const HERE = import.meta.dirname
const SHOTS = join(ROOT, 'build/screenshots')

/** What a page has of its own: as the templates of bundlers do it, and as others do. */
const PAGES = {
  'says nothing': 'body { margin: 0 }',
  'declares both': ':root { color-scheme: light dark } body { margin: 0 }',
  'has its own colours': `
    :root { --page: #fff; --ink: #171717 }
    @media (prefers-color-scheme: dark) { :root { --page: #0a0a0a; --ink: #ededed } }
    body { margin: 0; background: var(--page); color: var(--ink); font-family: sans-serif }`,
}

async function built(name, css) {
  const folder = join(HERE, 'built', name.replaceAll(' ', '-'))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'template.css'), css)
  const dist = join(ROOT, 'node/dist')
  await build({
    root: join(HERE, 'pages/vite'),
    configFile: false,
    logLevel: 'error',
    build: { outDir: join(folder, 'dist'), emptyOutDir: true },
    resolve: {
      alias: [
        { find: 'template.css', replacement: join(folder, 'template.css') },
        { find: /^ws_manager\/react\/styles\.css$/, replacement: join(dist, 'react/styles.css') },
        { find: /^ws_manager\/react\/toasts$/, replacement: join(dist, 'react/toasts.js') },
        { find: /^ws_manager\/react$/, replacement: join(dist, 'react/index.js') },
        ...['react', 'react-dom', 'sonner'].map((each) => ({
          find: new RegExp(`^${each}(?=/|$)`),
          replacement: join(HERE, 'node_modules', each),
        })),
      ],
    },
  })
  return join(folder, 'dist')
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }

async function serve(t, folder) {
  const server = createServer((request, response) => {
    const name = request.url === '/' ? 'index.html' : request.url
    response.setHeader('content-type', TYPES[extname(name)] ?? 'text/plain')
    response.end(readFileSync(join(folder, name)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${server.address().port}/`
}

for (const [name, css] of Object.entries(PAGES))
  test(`built by Vite, in a page that ${name}: light, dark, and turned by script`, async (t) => {
    const folder = await built(name, css)
    const sheets = readdirSync(join(folder, 'assets')).filter((each) => each.endsWith('.css'))
    assert.equal(sheets.length, 1)
    const page = await open(t, await contextOf(t, browser, { reducedMotion: 'reduce' }), await serve(t, folder))
    await page.locator('.wsm-log').waitFor()
    await checkSchemes(page, name)
    if (name !== 'has its own colours') return
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
    await page.addScriptTag({ path: axe })
    mkdirSync(SHOTS, { recursive: true })
    await page.getByRole('button', { name: 'Toasts' }).click()
    await page.getByRole('button', { name: /^Notifications/ }).click()
    for (const [scheme, width] of [
      ['light', 1200],
      ['dark', 1200],
      ['light', 400],
      ['dark', 400],
    ]) {
      await page.emulateMedia({ colorScheme: scheme })
      await page.setViewportSize({ width, height: 900 })
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, 'scrolls sideways')
      await page.screenshot({ path: join(SHOTS, `components-${scheme}-${width}.png`) })
      const { violations } = await page.evaluate(() => globalThis.axe.run('.wsm-card, .wsm-status, .wsm-notifications'))
      assert.deepEqual(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`),
        [],
        `${scheme} ${width}`,
      )
    }
  })

test('the list of notifications opens at its bell, inside the window, wherever the page puts the bell', async (t) => {
  const folder = await built('bell', '')
  const page = await open(t, await contextOf(t, browser, { reducedMotion: 'reduce' }), await serve(t, folder))
  const bell = page.locator('.wsm-bell')
  for (const side of ['start', 'end']) {
    await page.addStyleTag({
      content: `.wsm-notifications { position: fixed; inset: 20px auto auto; inset-inline-${side}: 40px }`,
    })
    await bell.click()
    const [panel, from] = [await page.locator('.wsm-panel').boundingBox(), await bell.boundingBox()]
    const edge = ({ x, width }) => (side === 'start' ? x : x + width)
    assert.equal(Math.round(edge(panel)), Math.round(edge(from)), side)
    assert.ok(panel.x >= 0 && panel.x + panel.width <= page.viewportSize().width, side)
    await page.keyboard.press('Escape')
  }
})

test('no component vanishes in a flex box, whatever its direction and alignment', async (t) => {
  const folder = await built('flex', '')
  const page = await open(t, await contextOf(t, browser, { reducedMotion: 'reduce' }), await serve(t, folder))
  const widths = () =>
    page.locator('.wsm-card').evaluateAll((cards) => cards.map((each) => each.getBoundingClientRect()))
  for (const [direction, align] of ['row', 'column'].flatMap((each) =>
    ['center', 'start', 'stretch'].map((to) => [each, to]),
  )) {
    await page.addStyleTag({
      content: `:has(> .wsm-card) { display: flex !important; flex-flow: ${direction} wrap; align-items: ${align} }`,
    })
    for (const { width, left, right } of await widths()) {
      assert.ok(width > 200, `${direction}, ${align}: ${width} px wide`)
      assert.ok(left >= 0 && right <= page.viewportSize().width, `${direction}, ${align}: from ${left} to ${right}`)
    }
  }
})
