// Workers, copies, and the ends of processes and threads. WSM_ROUNDS: how often what must not happen once is tried; the long
// version is WSM_ROUNDS=1000 make test-node ARGS=life.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { program } from './support.mjs'

const ROUNDS = Number(process.env.WSM_ROUNDS ?? 60)
/** The same for what takes a process each time. */
const PROCESSES = ROUNDS > 60 ? ROUNDS : Math.ceil(ROUNDS / 3)

async function good(source, options) {
  const result = await program(source, { timeout: 60_000 + ROUNDS * 500, ...options })
  assert.deepEqual(
    { stderr: result.stderr, code: result.code, signal: result.signal },
    { stderr: '', code: 0, signal: null },
  )
  return result.stdout.trim()
}

test('processes that have sent, asked, listened or used a worker end by themselves', async () => {
  const source = `import { wsManager } from 'ws_manager'
    import { createServer } from 'node:http'
    import { Worker } from 'node:worker_threads'
    const what = process.argv[1]
    if (what === 'sent') for (let i = 0; i < 100; i++) wsManager.broadcast('x')
    if (what === 'asked') await wsManager.stats()
    if (what === 'listened') { await wsManager.listen(); await wsManager.stop(0) }
    if (what === 'attached') {
      const server = createServer()
      await wsManager.attach(server)
      server.listen(0, () => server.close())
    }
    if (what === 'worker') {
      const code = "require('ws_manager').broadcast('x').then(() => {})"
      new Worker(code, { eval: true, execArgv: [] })
    }
    process.on('exit', () => console.log('end'))`
  const ways = ['sent', 'asked', 'listened', 'attached', 'worker']
  for (let round = 0; round < Math.max(ways.length, PROCESSES); round++) {
    assert.equal(await good(source, { place: ways[round % ways.length] }), 'end')
  }
})

test('what a process has sent is dealt with before it ends', async () => {
  const source = `import { wsManager } from 'ws_manager'
    wsManager.onConnect(() => {})
    for (let i = 0; i < 1000; i++) wsManager.broadcast('x')
    console.log((await wsManager.broadcast('y')).recipients)`
  assert.equal(await good(source), '0')
})

test('CommonJS and ES modules get one manager', async () => {
  const source = `import * as esm from 'ws_manager'
    import { createRequire } from 'node:module'
    const cjs = createRequire(process.cwd() + '/x.js')('ws_manager')
    console.log(esm.wsManager === cjs.wsManager, Object.keys(cjs).sort().join() === Object.keys(esm).sort().join())`
  assert.equal(await good(source), 'true true')
  assert.equal(
    await good(`const { ws_manager } = require('ws_manager'); ws_manager.start(); console.log(ws_manager.running)`, {
      type: 'commonjs',
    }),
    'true',
  )
})

test('TLS on a port of its own is refused with a reason: two kinds of OpenSSL in one process would be', async () => {
  const source = `import { WebSocketManager, ConfigError } from 'ws_manager'
    try {
      new WebSocketManager({ port: 0, tlsCert: '/x/cert.pem', tlsKey: '/x/key.pem' }).start()
    } catch (error) {
      console.log(error instanceof ConfigError, error.message.includes('no TLS'))
    }`
  assert.equal(await good(source), 'true true')
})

test('a process that listens stays until it stops', async () => {
  const source = `import { wsManager } from 'ws_manager'
    await wsManager.listen()
    setTimeout(() => { console.log('stopping'); wsManager.stop(0) }, 100).unref()`
  assert.equal(await good(source), 'stopping')
})

test('clients are told when the process ends', async () => {
  const source = `import { wsManager } from 'ws_manager'
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    const port = await wsManager.listen()
    const worker = new Worker(\`
      const WebSocket = require('ws')
      const { parentPort } = require('node:worker_threads')
      new WebSocket('ws://127.0.0.1:\${port}/ws').on('message', () => parentPort.postMessage('greeted'))
    \`, { eval: true, execArgv: [] })
    await once(worker, 'message')
    process.exit(0)`
  await good(source)
})

test('process.exit() in the middle of callbacks, messages, commands and receipts', async () => {
  const source = `import { wsManager } from 'ws_manager'
    import WebSocket from 'ws'
    const where = process.argv[1]
    const leave = (at) => { if (where === at) process.exit(0) }
    wsManager.onConnect(() => leave('connect'))
    wsManager.onMessage(() => leave('message'))
    wsManager.onCommand('go', () => leave('command'))
    wsManager.authenticate(() => { leave('authenticate'); return true })
    const port = await wsManager.listen()
    setInterval(() => { for (let i = 0; i < 100; i++) wsManager.broadcast({ i }) }, 1)
    const client = new WebSocket('ws://127.0.0.1:' + port + '/ws')
    client.on('open', () => { client.send('text'); client.send('{"action":"go"}') })
    if (where === 'receipt') await wsManager.broadcast('x').then(() => process.exit(0))
    if (where === 'query') { for (let i = 0; i < 20; i++) wsManager.stats(); process.exit(0) }`
  const places = ['connect', 'message', 'command', 'authenticate', 'receipt', 'query']
  for (let round = 0; round < Math.max(places.length, PROCESSES); round++) {
    await good(source, { place: places[round % places.length] })
  }
})

test('workers share the runtime of the process, and go without it', async () => {
  const source = `import { wsManager } from 'ws_manager'
    import { Worker } from 'node:worker_threads'
    import { on, once } from 'node:events'
    import WebSocket from 'ws'
    const port = await wsManager.listen()
    const client = new WebSocket('ws://127.0.0.1:' + port + '/ws')
    const messages = on(client, 'message')
    const next = async () => JSON.parse((await messages.next()).value[0])
    await next()
    const worker = new Worker(\`
      const { wsManager } = require('ws_manager')
      const { parentPort } = require('node:worker_threads')
      wsManager.onCommand('whoami', () => 'worker')
      wsManager.broadcast({ type: 'from worker' }).then((delivery) => parentPort.postMessage(delivery.recipients))
      parentPort.on('message', () => {})
    \`, { eval: true, execArgv: [] })
    console.log((await once(worker, 'message'))[0])
    console.log((await next()).type)
    client.send('{"action":"whoami","id":1}')
    console.log((await next()).data)
    await worker.terminate()
    client.send('{"action":"whoami","id":2}')
    console.log((await next()).data.code)
    console.log((await wsManager.broadcast('still here')).recipients)
    client.terminate()
    await wsManager.stop(0)`
  assert.deepEqual((await good(source)).split('\n'), ['1', 'from worker', 'worker', 'unknown_action', '1'])
})

test(`worker.terminate() in the middle of everything, ${ROUNDS} times`, async () => {
  const source = `import { wsManager } from 'ws_manager'
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    import WebSocket from 'ws'
    const shared = process.argv[1] === 'shared'
    const port = shared ? await wsManager.listen() : 0
    const code = \`
      const { wsManager, WebSocketManager } = require('ws_manager')
      const { parentPort } = require('node:worker_threads')
      const manager = \${shared} ? wsManager : new WebSocketManager()
      manager.onConnect((connection) => connection.send('hello'))
      manager.onMessage((connection, message) => { for (let i = 0; i < 1e5; i++) JSON.stringify(message) })
      const loop = () => { for (let i = 0; i < 50; i++) manager.broadcast({ i }).then(() => {}); manager.stats().catch(() => {}); setImmediate(loop) }
      manager.start()
      loop()
      parentPort.postMessage('runs')\`
    let client
    if (shared) {
      client = new WebSocket('ws://127.0.0.1:' + port + '/ws')
      await once(client, 'message')
    }
    for (let i = 0; i < ${ROUNDS}; i++) {
      const workers = [new Worker(code, { eval: true, execArgv: [] }), new Worker(code, { eval: true, execArgv: [] })]
      await Promise.all(workers.map((worker) => once(worker, 'message')))
      client?.send('busy')
      await new Promise((resolve) => setTimeout(resolve, i % 7))
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
    if (shared) { client.terminate(); await wsManager.stop(0) }
    console.log('done')`
  for (const kind of ['shared', 'own'])
    assert.equal(await good(source, { place: kind, timeout: 60_000 + 500 * ROUNDS }), 'done')
})

test('copies of the addon in one process share one runtime, on all threads', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ws_manager-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const original = path.join(path.dirname(createRequire(import.meta.url).resolve('ws_manager')), '../..')
  const copy = path.join(folder, 'node_modules/ws_manager')
  for (const part of ['package.json', 'node/lib', 'build/Release/ws_manager.node']) {
    cpSync(path.join(original, part), path.join(copy, part), { recursive: true })
  }
  const source = `import { wsManager, WebSocketManager } from 'ws_manager'
    import { createRequire } from 'node:module'
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    const other = createRequire(process.env.COPY + '/x.js')('ws_manager')
    console.log(other.WebSocketManager !== WebSocketManager, other.wsManager === wsManager)
    const port = await wsManager.listen()
    const worker = new Worker(\`
      const { wsManager } = require(process.env.COPY + '/node_modules/ws_manager')
      wsManager.stats().then((stats) => require('node:worker_threads').parentPort.postMessage([wsManager.running, wsManager.port]))
    \`, { eval: true, execArgv: [] })
    const [[running, workerPort]] = await once(worker, 'message')
    console.log(running, workerPort === port)
    const second = new other.WebSocketManager()
    console.log((await second.broadcast('x')).recipients, second.port)
    await wsManager.stop(0)`
  assert.deepEqual((await good(source, { env: { COPY: folder } })).split('\n'), ['true true', 'true true', '0 0'])
})

test('start and stop many times: no thread, no descriptor, no memory is left', async () => {
  const source = `import { WebSocketManager } from 'ws_manager'
    import { readdirSync } from 'node:fs'
    const count = () => readdirSync('/proc/self/fd').length + readdirSync('/proc/self/task').length
    const round = async () => {
      const manager = new WebSocketManager()
      await manager.listen()
      manager.onMessage(() => {})
      await manager.broadcast('x')
      await manager.stop(0)
    }
    for (let i = 0; i < 10; i++) await round()
    const before = count()
    for (let i = 0; i < ${ROUNDS}; i++) await round()
    // Node's own pool works on, too.
    const { readFile } = await import('node:fs/promises')
    await readFile('/proc/self/status')
    console.log(count() - before)`
  assert.equal(await good(source, { timeout: 60_000 + 100 * ROUNDS }), '0')
})

test('a manager that nobody holds is collected', async () => {
  const source = `import { WebSocketManager } from 'ws_manager'
    let collected = 0
    const registry = new FinalizationRegistry(() => collected++)
    const make = async () => {
      const manager = new WebSocketManager()
      registry.register(manager)
      manager.start()
      await manager.broadcast('x')
      await manager.stop(0)
      registry.register(new WebSocketManager({ timeout: 100 }))
    }
    for (let i = 0; i < ${ROUNDS}; i++) await make()
    const most = ${ROUNDS} * 3 / 2 // what the compiler or the stack still holds is no leak
    for (let i = 0; i < 50 && collected < most; i++) { await new Promise((resolve) => setTimeout(resolve, 10)); gc() }
    console.log(collected >= most)`
  assert.equal(await good(source, { args: ['--expose-gc'] }), 'true')
})

test('an uncaught exception and a worker’s own exit leave nothing behind', async () => {
  const thrown = await program(`import { wsManager } from 'ws_manager'
    await wsManager.listen()
    setTimeout(() => { throw new Error('mine') }, 10)`)
  assert.equal(thrown.code, 1)
  assert.match(thrown.stderr, /Error: mine/)
  const source = `import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    for (let i = 0; i < 10; i++) {
      const worker = new Worker("const { wsManager } = require('ws_manager'); wsManager.listen().then(() => wsManager.broadcast('x')).then(() => process.exit(3))", { eval: true, execArgv: [] })
      const [code] = await once(worker, 'exit')
      if (code !== 3) console.log(code)
    }`
  assert.equal(await good(source), '')
})

test('a main thread that computes loses no client', async () => {
  const source = `import { wsManager } from 'ws_manager'
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    wsManager.configure({ heartbeatInterval: 0.3, timeout: 1 })
    const port = await wsManager.listen()
    const worker = new Worker(\`
      const WebSocket = require('ws')
      const { parentPort } = require('node:worker_threads')
      const clients = Array.from({ length: 50 }, () => new WebSocket('ws://127.0.0.1:${'${port}'}/ws'))
      let heartbeats = 0
      for (const client of clients) {
        client.on('message', (data) => { heartbeats += String(data).includes('"heartbeat"') })
        client.on('close', () => parentPort.postMessage('closed'))
      }
      Promise.all(clients.map((client) => new Promise((resolve) => client.once('message', resolve)))).then(() => parentPort.postMessage('ready'))
      parentPort.on('message', () => parentPort.postMessage(heartbeats))
    \`, { eval: true, execArgv: [] })
    await once(worker, 'message')
    for (const end = Date.now() + 4000; Date.now() < end; );
    worker.postMessage('how many')
    const [heartbeats] = await once(worker, 'message')
    console.log(heartbeats >= 50 * 5, (await wsManager.stats()).active_connections)
    process.exit(0)`
  assert.equal(await good(source), 'true 50')
})

test('processes of a cluster have a runtime each, on one port', async () => {
  const source = `import cluster from 'node:cluster'
    import { createServer } from 'node:http'
    import { once } from 'node:events'
    import { writeFileSync } from 'node:fs'
    import WebSocket from 'ws'
    import { wsManager } from 'ws_manager'
    if (cluster.isPrimary) {
      const { port } = cluster.fork().on('exit', () => {}) && (await once(cluster, 'listening'))[1]
      cluster.fork()
      await once(cluster, 'listening')
      const greeted = async () => {
        const client = new WebSocket('ws://127.0.0.1:' + port + '/ws')
        client.messages = []
        client.on('message', (data) => client.messages.push(JSON.parse(data)))
        await once(client, 'message')
        return client
      }
      const clients = await Promise.all(Array.from({ length: 8 }, greeted))
      for (const worker of Object.values(cluster.workers)) worker.send('send')
      while (!clients.every((client) => client.messages.some((message) => message.type === 'hello'))) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      console.log(new Set(clients.map((client) => client.messages.find((message) => message.type === 'hello').pid)).size)
      const ends = clients.map((client) => once(client, 'close'))
      for (const worker of Object.values(cluster.workers)) worker.send('end')
      console.log([...new Set((await Promise.all(ends)).map(([code]) => code))].join())
    } else {
      const server = createServer()
      await wsManager.attach(server)
      server.listen(0)
      process.on('message', (what) => {
        if (what === 'end') process.exit(0)
        wsManager.broadcast({ type: 'hello', pid: process.pid })
      })
    }`
  const file = path.join(mkdtempSync(path.join(process.cwd(), 'cluster-')), 'cluster.mjs')
  writeFileSync(file, source)
  const { stdout, stderr, code } = await program(
    `process.argv[1] = ${JSON.stringify(file)}; await import(${JSON.stringify(file)})`,
  )
  rmSync(path.dirname(file), { recursive: true })
  assert.deepEqual({ code, stdout }, { code: 0, stdout: '2\n1001\n' }, stderr)
  // Each says once that the others' messages do not come here.
  const said = [
    ...stderr.matchAll(/^ws_manager: process (\d+) is a worker of node:cluster, and nothing connects .*$/gm),
  ]
  assert.equal(new Set(said.map(([, pid]) => pid)).size, 2, stderr)
  assert.equal(stderr.trim().split('\n').length, 2, stderr)
})

test('one of several by pm2, alone by pm2, and a forked process that only sends', async () => {
  const source = (what) => `import cluster from 'node:cluster'
    import { fork } from 'node:child_process'
    import { once } from 'node:events'
    import { wsManager } from 'ws_manager'
    if (cluster.isPrimary && !process.send) {
      const child = ${what}
      process.exitCode = (await once(child, 'exit'))[0]
    } else {
      await wsManager.broadcast({ type: 'x' })
      process.exit(0)
    }`
  const folder = mkdtempSync(path.join(process.cwd(), 'several-'))
  const file = path.join(folder, 'main.mjs')
  const said = async (what) => {
    writeFileSync(file, source(what))
    const { stderr, code } = await program(
      `process.argv[1] = ${JSON.stringify(file)}; await import(${JSON.stringify(file)})`,
    )
    assert.equal(code, 0, stderr)
    return stderr
  }
  try {
    assert.match(
      await said(`cluster.fork({ pm_id: '0', instances: '4' })`),
      /^ws_manager: process \d+ is a worker of pm2, .*\n$/,
    )
    assert.equal(await said(`cluster.fork({ pm_id: '0', instances: '1' })`), '')
    const sender = await said(`fork(process.argv[1], { execArgv: [] })`)
    assert.match(
      sender,
      /^ws_manager: process \d+, which process \d+ has forked, sends a message and has no clients, .*\n$/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a start says whether rooms are open, and who reaches the port, without any set-up of logging', async () => {
  const { start } = await program(
    `import { wsManager } from 'ws_manager'
     await wsManager.listen({ port: 0 })
     await wsManager.stop(0)`,
  )
  assert.match(start, /^ws_manager: access: open: everyone may hear every public room/m)
  assert.match(start, /^ws_manager: listening on port \d+ of localhost, which only this machine reaches/m)
  const attached = await program(
    `import http from 'node:http'
     import { wsManager } from 'ws_manager'
     wsManager.attach(http.createServer(), { signals: false, defaults: false, endpoints: { '/live': async () => 'u1' } })
     await wsManager.stats()
     await wsManager.stop(0)`,
  )
  assert.match(attached.start, /access: granted: .*\/live/)
  assert.match(attached.start, /^ws_manager: endpoints of attach\(\): \/live \(whom its check lets in\)$/m)
  const both = await program(
    `import http from 'node:http'
     import { wsManager } from 'ws_manager'
     const there = (options) => wsManager.attach(http.createServer(), { signals: false, ...options })
     wsManager.endpoint('/mine/{id}')
     wsManager.removeEndpoint('/ws/logs')
     there({ prefix: '/shop', endpoints: { '/a/:b': () => true, '/c': () => true } })
     there({})
     there({ defaults: false })
     wsManager.removeEndpoint('/mine/{id}')
     there({ defaults: false })
     wsManager.authenticate(() => 'u1')
     there({})
     await wsManager.stop(0)`,
  )
  const builtIn = '/ws, /ws/updates, /ws/notifications, /ws/project/{project_id}'
  const inShop = builtIn.replaceAll('/ws', '/shop/ws')
  assert.deepEqual(both.start.match(/(?<=endpoints of attach\(\): ).*/g), [
    `/shop/a/:b, /shop/c (whom the check of each lets in); ${inShop}, /shop/mine/{id} (anyone)`,
    `${builtIn}, /mine/{id} (anyone)`,
    '/mine/{id} (anyone)',
    'none',
    `${builtIn}, /ws/{token} (whom the authenticate handler lets in)`,
  ])
})
