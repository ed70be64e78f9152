// Small applications of Next.js for the tests, each built in a folder of its own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { APP, freePort, serve, stop } from './support.mjs'

const LAYOUT = `export default function Layout({ children }: { children: React.ReactNode }) {
  return <html><body>{children}</body></html>
}`
export const REGISTER = (options = '') => `export async function register() {
  if (process.env.NEXT_RUNTIME === 'nodejs') (await import('ws_manager/next')).register(${options})
}`
export const CONFIG = (config) =>
  `import { withWsManager } from 'ws_manager/next'\nexport default withWsManager(${config})`
const SINCE = `import { wsManager } from 'ws_manager'
async function Since() {
  return <p>since {JSON.stringify(await wsManager.position('project:P'))}</p>
}`
export const PLAIN = `${SINCE}\nexport default Since`
export const SUSPENDED = `import { Suspense } from 'react'\n${SINCE}
export default function Page() {
  return <Suspense fallback={<p>soon</p>}><Since /></Suspense>
}`

/** A folder with an application, on the modules of the example. */
export function app(t, name, files) {
  const folder = join(dirname(APP), `next-small-${name}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  // By links: Turbopack follows no symbolic ones out of its root.
  const linked = spawnSync('cp', ['-al', join(APP, 'node_modules'), join(folder, 'node_modules')])
  assert.equal(linked.status, 0, String(linked.stderr))
  cpSync(join(APP, 'package.json'), join(folder, 'package.json'))
  const all = {
    'app/layout.tsx': LAYOUT,
    'app/page.tsx': 'export default function Page() { return <p>hello</p> }',
    'instrumentation.ts': REGISTER(),
    'next.config.ts': CONFIG('{}'),
    'app/api/ws/[...path]/route.ts': `export { GET, POST, OPTIONS } from 'ws_manager/next'`,
    'app/ws/admin/route.ts': `export { GET } from 'ws_manager/next'`,
    ...files,
  }
  for (const [file, text] of Object.entries(all)) {
    if (text === null) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return folder
}

export function build(folder) {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NEXT_TELEMETRY_DISABLED: '1' }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['node_modules/next/dist/bin/next', 'build'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  return { status, text: stdout + stderr }
}

export async function start(t, folder, { args, page = '/', env } = {}) {
  const port = await freePort()
  const command = args ?? [
    'node_modules/next/dist/bin/next',
    'start',
    '--port',
    String(port),
    '--hostname',
    '127.0.0.1',
  ]
  const server = await serve(port, process.execPath, command, folder, env, page)
  t.after(() => stop(server))
  return { port, server }
}
