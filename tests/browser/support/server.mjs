// A server of ours in a process of its own: started, killed and started again on the same port, as often as a test likes.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const ROOT = process.env.WSM_ROOT ?? join(import.meta.dirname, '../../..')
export const LONG = 60_000

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until `look()` gives something true, and returns that. */
export async function until(look, what, limit = LONG) {
  for (const end = Date.now() + limit; ; await sleep(20)) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) assert.fail(`waited for ${limit / 1000} s in vain: ${what}`)
  }
}

export class Server {
  /**
   * options: of ws_manager.configure(). disk: patterns of rooms that the store keeps (python). publish: rooms that get a tick each time; perSecond: how often.
   * runtime: 'python' (uvicorn) or 'node'. port: a free one if not given.
   */
  constructor({ options = {}, disk = [], publish = [], perSecond = 0, runtime = 'python', port } = {}) {
    Object.assign(this, { options, disk, publish, perSecond, runtime, port })
  }

  /** A server of its own for a test, which ends with it. */
  static async of(t, settings) {
    const server = new Server(settings)
    t.after(() => server.kill())
    return server.start()
  }

  async start() {
    this.port ??= await freePort()
    const files = [`/dist=${join(ROOT, 'node/dist')}`, `/pages=${join(import.meta.dirname, '../pages')}`]
    const args = [
      ...['--port', String(this.port), '--per-second', String(this.perSecond)],
      ...Object.entries(this.options).flatMap(([name, value]) => ['--option', `${name}=${value}`]),
      ...this.publish.flatMap((room) => ['--publish', room]),
      ...this.disk.flatMap((pattern) => ['--disk', pattern]),
      ...files.flatMap((text) => ['--files', text]),
    ]
    const here = join(import.meta.dirname, '..')
    const [command, program, cwd] =
      this.runtime === 'node'
        ? [process.execPath, join(here, 'server.mjs'), join(ROOT, 'build/node-app')]
        : [join(ROOT, '.venv/bin/python'), join(here, 'server.py'), ROOT]
    const child = spawn(command, [program, ...args], {
      cwd,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.said += data))
    this.child = child
    this.gone = once(child, 'exit')
    await until(async () => {
      if (child.exitCode !== null) assert.fail(`the server did not start: ${this.said}`)
      return (await this.get('/api/ws/health').catch(() => null))?.status === 'ok'
    }, 'the server answers')
    return this
  }

  /** kill -9, as a crash or the kernel's out-of-memory killer does it. */
  async kill() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGKILL')
    await this.gone
  }

  /** As a deployment stops it: clients are sent away, with a hint when to come back. */
  async stop() {
    this.child.kill('SIGTERM')
    await this.gone
  }

  url(path = '/', host = '127.0.0.1') {
    return `http://${host}:${this.port}${path}`
  }

  async get(path) {
    const answer = await fetch(this.url(path), { signal: AbortSignal.timeout(5000) })
    return answer.json()
  }

  async post(path, body) {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(this.url(path), { method: 'POST', headers, body: JSON.stringify(body) })
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`)
    return answer.json()
  }

  /** Messages {"type": "tick", "data": {"run": "burst", "n": first …}}, at once. */
  burst(room, count, first = 1) {
    return this.post('/control/publish', { room, count, first })
  }

  /** How many ticks a second it publishes from now on. */
  pace(perSecond) {
    return this.post('/control/pace', { per_second: perSecond })
  }

  async connections() {
    return (await this.get('/api/ws/stats')).active_connections
  }

  /** Where a room stands. */
  position(room) {
    return this.get(`/api/ws/history?limit=1&room=${encodeURIComponent(room)}`)
  }
}
