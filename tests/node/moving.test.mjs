// docs/moving: the programs of the pages about Node, before and after, say the same to the same clients.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import test from 'node:test'
import { EventSource } from 'eventsource'
import WebSocket from 'ws'
import { eventually } from './support.mjs'

const AsyncFunction = (async () => {}).constructor

/** The one block of a page that its fence names so; "js client" is one that stays as it is. */
function program(page, kind) {
  const text = readFileSync(new URL(`moving/${page}.md`, import.meta.url), 'utf8')
  const found = [...text.matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, 'gms'))]
  if (found.length === 0 && /(before|after) client$/.test(kind)) return program(page, 'js client')
  assert.equal(found.length, 1, `${page}: ${kind}`)
  return found[0][1]
}

/** A page's server in a process of its own: its port. */
async function serving(t, page, when) {
  const code = program(page, `js ${when} server`)
  assert.ok(code.includes('server.listen(8000)'))
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    code.replace('listen(8000)', "listen(0, '127.0.0.1', () => console.log(server.address().port))"),
  ])
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  const first = await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
  assert.ok(Number(first[0]) > 0, said)
  return Number(first[0])
}

/** Runs a page's browser side with names that a page would have; what it shows, and its buttons. */
async function client(t, page, when, port, { cookie = '', names = {} } = {}) {
  const shown = []
  const ends = []
  const origin = `http://127.0.0.1:${port}`
  const end = (object) => (ends.push(object), object)
  const given = {
    show: (what) => shown.push(what),
    load: async (name) => {
      const { createClient, io } = await import(name)
      return { createClient: (...options) => end(createClient(...options)), io: (...options) => end(io(...options)) }
    },
    location: new URL(origin),
    WebSocket: class extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, { headers: { cookie } })
        end(this)
      }
    },
    EventSource: class extends EventSource {
      constructor(url) {
        super(new URL(url, origin))
        end(this)
      }
    },
    ...names,
  }
  Object.assign(globalThis, { WebSocket: given.WebSocket, location: given.location })
  // The import of a page, as a function can have it.
  const code = program(page, `js ${when} client`).replace(
    /^import (\{.*?\}) from ('.*?')$/gm,
    'const $1 = await load($2)',
  )
  await new AsyncFunction(...Object.keys(given), code)(...Object.values(given))
  t.after(() => ends.forEach((object) => object.close()))
  return shown
}

/** Waits until as much is shown, and demands that it is that, in this order. */
async function until(shown, expected) {
  await eventually(() => shown.length >= expected.length, JSON.stringify({ shown, expected }))
  assert.deepEqual(shown, expected)
}

for (const when of ['before', 'after']) {
  test(`ws, ${when}: who is let in, all others in the room, who leaves`, async (t) => {
    const port = await serving(t, 'ws', when)
    const move = {}
    const ana = await client(t, 'ws', when, port, { cookie: 'session=cookie-of-ana', names: { move } })
    await until(ana, ['welcome, ana'])
    const ben = await client(t, 'ws', when, port, { cookie: 'session=cookie-of-ben', names: { move: {} } })
    await until(ben, ['welcome, ben'])
    const guest = new WebSocket(`ws://127.0.0.1:${port}/boards/7`)
    t.after(() => guest.terminate())
    const refused = await new Promise((resolve) => {
      guest.on('error', () => resolve('before the upgrade'))
      guest.on('close', resolve)
    })
    assert.equal(refused, when === 'before' ? 'before the upgrade' : 4403)
    move.onclick()
    await until(ben, ['welcome, ben', 'ana moved c1'])
    const third = new WebSocket(`ws://127.0.0.1:${port}/boards/7`, { headers: { cookie: 'session=cookie-of-ben' } })
    t.after(() => third.terminate())
    await once(third, 'message')
    third.close()
    await until(ben, ['welcome, ben', 'ana moved c1', 'ben has left'])
    await until(ana, ['welcome, ana', 'ben has left'])
  })
}

test('ws, with the packaged client: the server stays as it is', async (t) => {
  const port = await serving(t, 'ws', 'after')
  const move = {}
  const ana = await client(t, 'ws', 'packaged', port, { cookie: 'session=cookie-of-ana', names: { move } })
  await until(ana, ['welcome, ana'])
  const ben = await client(t, 'ws', 'packaged', port, { cookie: 'session=cookie-of-ben', names: { move: {} } })
  await until(ben, ['welcome, ben'])
  move.onclick()
  await until(ben, ['welcome, ben', 'ana moved c1'])
  await until(ana, ['welcome, ana'])
})

test('Socket.IO, a room from the address: refusals, and what was missed', async (t) => {
  const port = await serving(t, 'socketio', 'address')
  const line = await network(t, port)
  const join = async (name, port) => {
    const say = {}
    return { say, shown: await client(t, 'socketio', 'address', port, { names: { name, say } }) }
  }
  await until((await join('', port)).shown, ['a name, please'])
  const ana = await join('ana', port)
  const ben = await join('ben', line.port)
  await ben.say.onclick()
  await until(ben.shown, ['ben: hello'])
  await line.cut()
  await ana.say.onclick()
  await line.mend()
  await until(ben.shown, ['ben: hello', 'ana: hello'])
  await until(ana.shown, ['ben: hello', 'ana: hello'])
})

for (const when of ['before', 'after']) {
  test(`Socket.IO, ${when}: rooms, answers, all but oneself, refusals, who leaves`, async (t) => {
    const port = await serving(t, 'socketio', when)
    const join = async (token) => {
      const names = { token, say: {}, type: {}, rename: {}, leave: {} }
      return { ...names, shown: await client(t, 'socketio', when, port, { names }) }
    }
    const ana = await join('token-of-ana')
    const ben = await join('token-of-ben')
    await until(ana.shown, ['joined'])
    await until(ben.shown, ['joined'])
    await until((await join('no token')).shown, ['who are you?'])
    ana.say.onclick()
    ana.type.onclick()
    await until(ben.shown, ['joined', 'ana: hello', 'ana is typing'])
    await ana.rename.onclick()
    await until(ana.shown, ['joined', 'ana: hello', { title: 'NEW' }])
    ben.leave.onclick()
    await until(ana.shown, ['joined', 'ana: hello', { title: 'NEW' }, 'ben has left'])
  })

  test(`server-sent events, ${when}: what was missed comes, in order and once`, async (t) => {
    const port = await serving(t, 'sse', when)
    const price = (cents) => fetch(`http://127.0.0.1:${port}/price/${cents}`, { method: 'POST' })
    const line = await network(t, port)
    const shown = await client(t, 'sse', when, line.port)
    await until(shown, ['live'])
    await price(100)
    await until(shown, ['live', 100])
    await line.cut()
    await price(101)
    await price(102)
    await line.mend()
    await until(shown, ['live', 100, 'live', 101, 102])
    await price(103)
    await until(shown, ['live', 100, 'live', 101, 102, 103])
  })
}

/** A network between clients and a server, which can be cut and mended. */
async function network(t, target) {
  const sockets = new Set()
  let listener
  const line = {
    port: 0,
    async mend() {
      listener = net.createServer((near) => {
        const far = net.connect(target, '127.0.0.1')
        for (const [from, to] of [
          [near, far],
          [far, near],
        ]) {
          sockets.add(from)
          from.on('error', () => {})
          from.on('close', () => to.destroy())
          from.pipe(to)
        }
      })
      listener.listen(line.port, '127.0.0.1')
      await once(listener, 'listening')
      line.port = listener.address().port
    },
    /** Nobody is connected and nobody can connect when this is done. */
    async cut() {
      const closed = once(listener, 'close')
      listener.close()
      for (const socket of sockets) socket.destroy()
      sockets.clear()
      await closed
    },
  }
  await line.mend()
  t.after(() => line.cut())
  return line
}
