// The handlers of one client run one after the other, in the order of its events; those of others do not wait.
import assert from 'node:assert/strict'
import test from 'node:test'
import { WebSocketManager } from 'ws_manager'
import { connect, eventually } from './support.mjs'

async function listening(t, options, prepare = () => {}) {
  const manager = new WebSocketManager(options)
  const logged = []
  const keep = (...parts) => logged.push(parts.join(' '))
  manager.logger = { debug() {}, info() {}, warn: keep, error: keep }
  prepare(manager)
  const port = await manager.listen({ port: 0 })
  t.after(() => manager.stop(0))
  return { manager, logged, url: `ws://127.0.0.1:${port}/ws` }
}

/** Handlers wait for `opened`; `entered` resolves when the first one does. */
function gate() {
  const made = {}
  made.opened = new Promise((resolve) => (made.open = resolve))
  made.entered = new Promise((resolve) => (made.enter = resolve))
  made.pass = async () => {
    made.enter()
    await made.opened
  }
  return made
}

test('messages and commands of one client are handled in order', async (t) => {
  const { opened, open, entered, enter } = gate()
  const { url } = await listening(t, undefined, (manager) => {
    manager.onMessage(async (connection, { n }) => {
      if (n === 1) {
        enter()
        await opened
      }
      connection.send({ type: 'answer', n })
    })
    manager.onCommand('now', (connection, { n }) => n)
  })
  const client = await connect(t, url)
  for (const message of [{ n: 1 }, { n: 2 }, { action: 'now', n: 3 }, { n: 4 }]) client.send(message)
  await entered
  open()
  await client.until(() => client.messages.length === 4)
  assert.deepEqual(
    client.messages.map((message) => message.n ?? message.data),
    [1, 2, 3, 4],
  )
})

test('everything waits for onConnect, and onDisconnect for everything', async (t) => {
  const order = []
  const door = gate()
  const { manager, url } = await listening(t, undefined, (manager) => {
    manager.onConnect(async (connection) => {
      await door.pass()
      connection.user = 'loaded'
      order.push('connect')
    })
    manager.onMessage((connection) => order.push(connection.user))
    manager.onDisconnect((connection, code) => order.push(code))
  })
  const client = await connect(t, url)
  client.send('hello')
  client.ws.close(4000)
  await door.entered
  await eventually(async () => (await manager.stats()).active_connections === 0)
  assert.deepEqual(order, [])
  door.open()
  await eventually(() => order.length === 3)
  assert.deepEqual(order, ['connect', 'loaded', 4000])
})

test('clients do not wait for each other, and a handler that throws stops nothing', async (t) => {
  const door = gate()
  const { url } = await listening(t, undefined, (manager) => {
    manager.onCommand('wait', async (connection, { long }) => {
      if (long) await door.pass()
      else throw new Error('mine')
    })
    manager.onCommand('go', () => 'went')
  })
  const first = await connect(t, url)
  const second = await connect(t, url)
  first.send({ action: 'wait', long: true })
  await door.entered
  second.send({ action: 'wait' })
  second.send({ action: 'go' })
  assert.equal((await second.next('error')).data.code, 'internal')
  assert.equal((await second.next('reply')).data, 'went')
  door.open()
  await first.next('reply')
})

test('a handler may wait for what an answer of authorize brings', async (t) => {
  const door = gate()
  const { url } = await listening(t, undefined, (manager) => {
    manager.authorize(async (connection, action, room) => {
      if (room === 'asked') door.open()
      return true
    })
    manager.onCommand('wait', () => door.pass())
  })
  const client = await connect(t, url)
  client.send({ action: 'wait' })
  await door.entered
  client.send({ action: 'subscribe', room: 'asked' })
  await client.next('reply')
})

test('nobody waits for concurrent handlers', async (t) => {
  const door = gate()
  const seen = []
  const { url } = await listening(t, undefined, (manager) => {
    manager.onConnect(() => new Promise(() => {}), { concurrent: true })
    manager.onMessage(
      async (connection, text) => {
        if (text === 'slow') await door.pass()
        seen.push(text)
      },
      { concurrent: true },
    )
    assert.throws(() => manager.onMessage(() => {}, { concurent: true }), { name: 'TypeError', message: /concurent/ })
  })
  const client = await connect(t, url)
  client.send('slow')
  client.send('fast')
  await eventually(() => seen.length === 1)
  door.open()
  await eventually(() => seen.length === 2)
  assert.deepEqual(seen, ['fast', 'slow'])
})

test('what waits is bounded by number and size, told and counted', async (t) => {
  const door = gate()
  let handled = 0
  const { manager, logged, url } = await listening(t, { maxHandlerQueue: 3, rate: 0 }, (manager) => {
    manager.onMessage(async () => {
      await door.pass()
      handled++
    })
  })
  const client = await connect(t, url)
  client.send('one')
  await door.entered
  client.send('x'.repeat(4000))
  client.send('two')
  client.send('three')
  client.send({ id: 'four' })
  const errors = [await client.next('error'), await client.next('error')]
  assert.equal(errors[0].data.code, 'rate_limited')
  assert.match(errors[0].data.message, /max_handler_queue/)
  assert.equal(errors[1].id, 'four')
  assert.equal((await manager.stats()).limits_broken.max_handler_queue, 2)
  assert.equal(logged.filter((line) => line.includes('max_handler_queue')).length, 1)
  door.open()
  await eventually(() => handled === 3)
})

test('a disconnect ends a handler after handler_timeout', async (t) => {
  const order = []
  const { logged, url } = await listening(t, { handlerTimeout: 0.05 }, (manager) => {
    manager.onMessage(async (connection, text) => {
      order.push(text)
      await new Promise((resolve) => connection.signal.addEventListener('abort', resolve))
      order.push('aborted')
      await new Promise(() => {})
    })
    manager.onDisconnect((connection, code) => order.push(code))
  })
  const client = await connect(t, url)
  client.send('first')
  client.send('never')
  await eventually(() => order.length === 1)
  client.ws.close(4000)
  await eventually(() => order.length === 3)
  assert.deepEqual([...order].sort(), [4000, 'aborted', 'first'])
  assert.match(logged.join('\n'), /onMessage did not end within handler_timeout.*not handled any more: 1/)
})

test('the signal is aborted once nothing is left to do', async (t) => {
  let signal
  let code
  const { url } = await listening(t, undefined, (manager) => {
    manager.onConnect((connection) => {
      signal = connection.signal
    })
    manager.onDisconnect(async (connection, closed) => {
      code = signal.aborted ? 'too early' : closed
    })
  })
  const client = await connect(t, url)
  client.ws.close(4000)
  await eventually(() => signal?.aborted)
  assert.equal(code, 4000)
})

test('the stop waits for onDisconnect', async (t) => {
  const order = []
  const { manager, url } = await listening(t, undefined, (manager) => {
    manager.onMessage(async (connection, text) => {
      order.push(text)
      await new Promise((resolve) => setTimeout(resolve, 50))
    })
    manager.onDisconnect(async (connection, code) => {
      await null
      order.push(code)
    })
  })
  const client = await connect(t, url)
  client.send('x')
  await eventually(() => order.length === 1)
  await manager.stop(5)
  assert.deepEqual(order, ['x', 1001])
})

test('a handler takes the place of the one of the same name', async (t) => {
  const { url } = await listening(t, undefined, (manager) => {
    const removeFirst = manager.onConnect((connection) => connection.send({ type: 'old' }), { name: 'welcome' })
    manager.onConnect((connection) => connection.send({ type: 'new' }), { name: 'welcome' })
    manager.onConnect((connection) => connection.send({ type: 'end' }))
    removeFirst()
  })
  const client = await connect(t, url)
  await client.next('end')
  assert.deepEqual(
    client.messages.map((message) => message.type),
    ['new'],
  )
})

test('while one develops, handlers that pile up are told of', async (t) => {
  const before = process.env.NODE_ENV
  process.env.NODE_ENV = 'development'
  t.after(() => {
    if (before === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = before
  })
  const { manager, logged } = await listening(t)
  manager.onConnect(() => 1)
  manager.onConnect(() => 2)
  assert.deepEqual(logged, [])
  await new Promise((resolve) => setImmediate(resolve))
  manager.onConnect(() => 3, { name: 'a' })
  assert.deepEqual(logged, [])
  manager.onConnect(() => 1)
  assert.match(logged.join('\n'), /onConnect: \S*order\.test\.mjs has added a handler before.*hot reload/)
})
