// Each way in which Next.js serves: dev, start, standalone, a server of the application.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import WebSocket from 'ws'
import { APP, STANDALONE, first, freePort, launch, next, open, serve, stop } from './support.mjs'

let browser
before(async () => {
  browser = await launch()
})
after(() => browser?.close())

test('jobs refuse what they cannot do', async (t) => {
  const port = await freePort()
  const server = await next(port, 'start')
  t.after(() => stop(server))
  const post = (query, body = 'x') => fetch(`http://127.0.0.1:${port}/api/jobs?${query}`, { method: 'POST', body })
  assert.equal((await post('kind=dance&name=x')).status, 400)
  assert.equal((await post('kind=hash')).status, 400)
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/jobs/nothing`)).status, 404)
})

test('next dev: StrictMode and fast refresh keep to one socket, and its own socket for reloading is left alone', async (t) => {
  const port = await freePort()
  const header = join(APP, 'components/Header.tsx')
  const source = readFileSync(header, 'utf8')
  t.after(() => writeFileSync(header, source))
  const server = await next(port, 'dev')
  t.after(() => stop(server))
  const reloading = new WebSocket(`ws://127.0.0.1:${port}/_next/hmr`)
  t.after(() => reloading.terminate())
  await once(reloading, 'open')

  const page = await open(t, browser, port)
  await page.getByLabel('Title of a new story').fill('Not yet added')
  writeFileSync(header, source.replace('one machine, live in every window', 'edited while it runs'))
  await page.getByText('edited while it runs').waitFor()
  assert.equal(await page.getByLabel('Title of a new story').inputValue(), 'Not yet added')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByTestId('story').filter({ hasText: 'Not yet added' }).waitFor()
  assert.equal(await page.getByTestId('story').filter({ hasText: 'Not yet added' }).count(), 1)
  assert.equal(page.sockets.length, 1)
  assert.deepEqual(page.problems, [])
})

test('standalone output', async (t) => {
  const port = await freePort()
  const folder = join(STANDALONE, '.next/standalone')
  assert.ok(existsSync(join(folder, 'node_modules/ws_manager/build/Release/ws_manager.node')), 'the addon is copied')
  // Away from the folder it was built in, as in a container.
  const away = `${folder}-away`
  rmSync(away, { recursive: true, force: true })
  cpSync(folder, away, { recursive: true })
  cpSync(join(STANDALONE, '.next/static'), join(away, '.next/static'), { recursive: true })
  const server = await serve(port, process.execPath, ['server.js'], away)
  t.after(() => stop(server))
  const greeting = await first(port, '/ws/dashboard')
  assert.deepEqual(Object.keys(greeting.data.rooms).sort(), ['@all', 'logs', 'project:factory'])
  const page = await open(t, browser, port)
  await page.getByTestId('memory').getByText('GB').waitFor()
  assert.deepEqual(page.problems, [])
})

test('a server of the application, with attach() in place of register()', async (t) => {
  const port = await freePort()
  writeFileSync(
    join(APP, 'server.mjs'),
    `import { createServer } from 'node:http'
import next from 'next'
import { wsManager } from 'ws_manager'

const app = next({ dev: false })
await app.prepare()
const server = createServer(app.getRequestHandler())
server.on('upgrade', app.getUpgradeHandler())
await wsManager.attach(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
`,
  )
  const server = await serve(port, process.execPath, ['server.mjs'], APP, { NODE_ENV: 'production' })
  t.after(() => stop(server))
  assert.equal((await first(port, '/ws/updates')).type, 'connected')
})

test('SIGTERM ends the server, and every client hears of it', async (t) => {
  const port = await freePort()
  const server = await next(port, 'start')
  t.after(() => stop(server))
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/dashboard`)
  await once(socket, 'message')
  const closed = once(socket, 'close')
  server.kill('SIGTERM')
  const [code] = await closed
  assert.equal(code, 1001)
  await server.gone
})
