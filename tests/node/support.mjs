// What the tests share: servers, clients, and waiting for what comes.
import { spawn } from 'node:child_process'
import http from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import WebSocket from 'ws'

/** Longest wait for something that must come. */
export const LONG = 20_000

/** A server on a free port; stops with the test. */
export async function serve(
  t,
  handler = (req, res) => res.writeHead(404).end('application'),
  create = http.createServer,
) {
  const server = create(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  server.host = `127.0.0.1:${server.address().port}`
  return server
}

/** A Fastify application that closes at once: on Node 18 it waits 70 s for connections that clients keep alive. */
export const fastify = () => Fastify({ forceCloseConnections: true })

/** A WebSocket client that keeps what it gets and lets a test wait for it. */
export class Client {
  constructor(url, options) {
    this.messages = []
    this.closed = null
    this.wakers = new Set()
    this.ws = new WebSocket(url, options)
    this.ws.on('message', (data, binary) => this.#got(binary ? data : String(data)))
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
      this.#wake()
    })
    this.ws.on('error', (error) => {
      this.error = error
      this.#wake()
    })
  }

  #got(data) {
    this.messages.push(typeof data === 'string' && data[0] === '{' ? JSON.parse(data) : data)
    this.#wake()
  }

  #wake() {
    for (const waker of this.wakers) waker()
  }

  /** Waits until `look` gives something true, and returns that. */
  async until(look, what = String(look)) {
    const deadline = AbortSignal.timeout(LONG)
    for (;;) {
      const found = look()
      if (found) return found
      if (this.error) throw this.error
      await new Promise((resolve, reject) => {
        this.wakers.add(resolve)
        deadline.addEventListener('abort', () =>
          reject(new Error(`in vain: ${what}; got ${JSON.stringify(this.messages)}`)),
        )
      })
    }
  }

  /** The first message that has not been taken yet and that fits: of a type, or by a function. */
  async next(fits) {
    const matches = typeof fits === 'string' ? (message) => message.type === fits || message.event_type === fits : fits
    return this.until(() => {
      const index = this.messages.findIndex(matches)
      return index < 0 ? undefined : this.messages.splice(index, 1)[0]
    }, `a message ${fits}`)
  }

  send(message) {
    this.ws.send(typeof message === 'object' && !(message instanceof Uint8Array) ? JSON.stringify(message) : message)
  }

  end() {
    return this.until(() => this.closed, 'the close')
  }
}

/** A client that has been greeted. */
export async function connect(t, url, options) {
  const client = new Client(url, options)
  t.after(() => client.ws.terminate())
  client.greeting = await client.next((message) => message.type === 'connected' || message.type === 'connection')
  client.id = client.greeting.data.client_id
  return client
}

/** Waits until `look` (sync or async) gives something true: for what no event tells. */
export async function eventually(look, what = String(look)) {
  const end = Date.now() + LONG
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) throw new Error(`in vain: ${what}`)
    await sleep(10)
  }
}

/** What each start says on stderr. */
export const AT_START = /^ws_manager: (?:access|listening|endpoints).*\n/gm

/** Runs a program in a Node of its own: { code, signal, stdout, stderr, start }; `start` is what each start says on stderr. `place` is its process.argv[1]. */
export async function program(source, { args = [], type = 'module', env = {}, place = '', timeout = 60_000 } = {}) {
  const child = spawn(process.execPath, [`--input-type=${type}`, ...args, '-e', source, place], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => (stdout += data))
  child.stderr.on('data', (data) => (stderr += data))
  const [code, signal] = await once(child, 'close')
  const start = (stderr.match(AT_START) ?? []).join('')
  return { code, signal, stdout, stderr: stderr.replace(AT_START, ''), start }
}
