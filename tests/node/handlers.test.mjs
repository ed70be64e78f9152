// The application's handlers, and the questions about clients.
import assert from 'node:assert/strict'
import test from 'node:test'
import { NotFound, Refused, WebSocketManager } from 'ws_manager'
import { Client, connect, eventually } from './support.mjs'

async function listening(t, options, prepare = () => {}) {
  const manager = new WebSocketManager(options)
  const logged = []
  manager.logger = {
    debug() {},
    info() {},
    warn: (...parts) => logged.push(parts),
    error: (...parts) => logged.push(parts),
  }
  prepare(manager)
  const port = await manager.listen({ port: 0 })
  t.after(() => manager.stop(0))
  return { manager, logged, url: `ws://127.0.0.1:${port}` }
}

test('onConnect, onMessage and onDisconnect get the same connection', async (t) => {
  const seen = []
  const { manager, url } = await listening(t, undefined, (manager) => {
    manager.onConnect((connection) => {
      connection.mark = 'mine'
      seen.push(['connect', connection.path, connection.query.get('a'), connection.sessionId])
    })
    manager.onMessage((connection, message) => seen.push(['message', connection.mark, message]))
    manager.onDisconnect((connection, code, reason) => seen.push(['disconnect', connection.mark, code, reason]))
  })
  const client = await connect(t, `${url}/ws?session_id=s&a=1`)
  client.send({ words: [1] })
  client.send('just text')
  client.send(Buffer.from([9]))
  await eventually(() => seen.length === 4)
  const [row] = await manager.connections()
  assert.equal(row.client_id, client.id)
  client.ws.close(4001, 'bye')
  await eventually(() => seen.length === 5)
  assert.deepEqual(seen, [
    ['connect', '/ws', '1', 's'],
    ['message', 'mine', { words: [1] }],
    ['message', 'mine', 'just text'],
    ['message', 'mine', Buffer.from([9])],
    ['disconnect', 'mine', 4001, 'bye'],
  ])
})

test('a connection can be written to, asked, and closed', async (t) => {
  let rooms
  const { url } = await listening(t, undefined, (manager) => {
    manager.onMessage(async (connection, message) => {
      rooms = await connection.rooms()
      connection.send({ type: 'answer', to: message })
      if (message === 'go') connection.close(4009, 'as you wish')
    })
  })
  const client = await connect(t, `${url}/ws/project/P`)
  client.send('hello')
  assert.equal((await client.next('answer')).to, 'hello')
  assert.ok(rooms.includes('project:P'))
  client.send('go')
  assert.deepEqual(await client.end(), { code: 4009, reason: 'as you wish' })
})

test('commands: values, promises, nothing, and failures', async (t) => {
  const { manager, logged, url } = await listening(t, undefined, (manager) => {
    manager.onCommand('add', (connection, { a, b }) => a + b)
    manager.onCommand('later', async (connection, data) => ({ got: data }))
    manager.onCommand('nothing', () => {})
    manager.onCommand('broken', () => {
      throw new Error('mine')
    })
    manager.onCommand('rejected', async () => Promise.reject(new Error('mine')))
    manager.onCommand('unsayable', () => 1n)
  })
  const client = await connect(t, `${url}/ws`)
  const ask = async (action, fields) => {
    client.send({ action, id: action, ...fields })
    return client.next((message) => message.id === action)
  }
  assert.equal((await ask('add', { a: 1, b: 2 })).data, 3)
  assert.deepEqual((await ask('later', { data: { x: 1 } })).data, { got: { x: 1 } })
  assert.equal((await ask('nothing')).data, null)
  for (const action of ['broken', 'rejected', 'unsayable']) {
    const answer = await ask(action)
    assert.equal(answer.type, 'error')
    assert.equal(answer.data.code, 'internal')
  }
  assert.equal(logged.length, 3)
  assert.equal(client.closed, null)
  assert.throws(() => manager.onCommand('ping', () => {}), { code: 'invalid_argument' })
})

test('a handler that is removed is called no more', async (t) => {
  let calls = 0
  const { manager, url } = await listening(t)
  const removeMessage = manager.onMessage(() => calls++)
  const removeCommand = manager.onCommand('hi', () => 'there')
  const client = await connect(t, `${url}/ws`)
  client.send('one')
  await eventually(() => calls === 1)
  removeMessage()
  removeCommand()
  client.send('two')
  client.send({ action: 'hi', id: 1 })
  assert.equal((await client.next((message) => message.id === 1)).data.code, 'unknown_action')
  assert.equal(calls, 1)
})

test('authenticate: who it is, refusals, failures', async (t) => {
  const { manager, url } = await listening(t, undefined, (manager) => {
    manager.authenticate(async (request) => {
      const token = request.query.get('t')
      if (token === 'throw') throw new Error('mine')
      if (token === 'forbidden') throw Object.assign(new Error('not you'), { status: 403 })
      if (token === 'code') throw Object.assign(new Error('pay first'), { code: 4402 })
      if (token === 'object') return { userId: 5, rooms: ['vip'] }
      return token === 'good' ? 'user-1' : null
    })
  })
  const good = await connect(t, `${url}/ws?t=good`)
  assert.equal(good.greeting.data.user_id, 'user-1')
  const five = await connect(t, `${url}/ws?t=object`)
  assert.equal(five.greeting.data.user_id, '5')
  assert.equal(await manager.subscribers('vip'), 1)
  const ending = async (token) => {
    const client = new Client(`${url}/ws?t=${token}`)
    t.after(() => client.ws.terminate())
    return (await client.end()).code
  }
  assert.equal(await ending('bad'), 4401)
  assert.equal(await ending('forbidden'), 4403)
  assert.equal(await ending('code'), 4402)
  assert.equal(await ending('throw'), 1011)
})

test('authorize: for subscribe and the others', async (t) => {
  const asked = []
  const { url } = await listening(t, undefined, (manager) => {
    manager.authorize((connection, action, room) => {
      asked.push([action, room])
      return room !== 'secret'
    })
  })
  const client = await connect(t, `${url}/ws`)
  client.send({ action: 'subscribe', room: 'open', id: 1 })
  client.send({ action: 'subscribe', room: 'secret', id: 2 })
  assert.equal((await client.next((message) => message.id === 1)).type, 'subscribed')
  assert.equal((await client.next((message) => message.id === 2)).data.code, 'forbidden')
  assert.deepEqual(asked, [
    ['subscribe', 'open'],
    ['subscribe', 'secret'],
  ])
})

test('questions: stats, connections, presence, history, position, metrics', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws/project/P`)
  manager.sendToRoom('project:P', { n: 1 })
  manager.sendToRoom('project:P', { n: 2 })
  assert.equal((await manager.stats()).active_connections, 1)
  assert.deepEqual((await manager.presence('project:P')).clients, [client.id])
  const history = await manager.history('project:P', { limit: 1 })
  assert.equal(history.messages.length, 1)
  assert.deepEqual(await manager.position('project:P'), { epoch: history.epoch, offset: history.offset })
  const rest = await manager.history('project:P', { since: history.offset - 1, epoch: history.epoch })
  assert.equal(rest.messages[0].n, 2)
  assert.match(await manager.metrics(), /^# HELP/)
})

test('subscribe, disconnect and disconnectUser', async (t) => {
  const { manager, url } = await listening(t, undefined, (manager) =>
    manager.authenticate((request) => request.query.get('u')),
  )
  const a = await connect(t, `${url}/ws?u=1`)
  const b = await connect(t, `${url}/ws?u=1`)
  manager.subscribe(1, 'room:x')
  assert.equal(await manager.subscribers('room:x'), 2)
  manager.unsubscribe(1, 'room:x')
  assert.equal(await manager.subscribers('room:x'), 0)
  manager.disconnect(a.id, { code: 4100, reason: 'you' })
  assert.deepEqual(await a.end(), { code: 4100, reason: 'you' })
  manager.disconnectUser('1')
  assert.equal((await b.end()).code, 4409)
})

test('configure and listen while it runs are refused in words', async (t) => {
  const { manager } = await listening(t)
  assert.throws(() => manager.configure({ timeout: 100 }), { code: 'config', message: /before the runtime starts/ })
  await assert.rejects(manager.listen({ port: 0 }), { code: 'config' })
  assert.throws(() => manager.onConnect('x'), { name: 'TypeError' })
  const other = new WebSocketManager()
  await assert.rejects(other.listen({ port: manager.port }), { code: 'address_in_use' })
})

test('endpoints of the application', async (t) => {
  const { manager, url } = await listening(t, undefined, (manager) => {
    manager.endpoint('/live/{board}', { rooms: ['board:{board}'], greeting: 'connected' })
    manager.removeEndpoint('/ws/logs')
  })
  const client = await connect(t, `${url}/live/7`)
  assert.equal((await manager.sendToRoom('board:7', { type: 'x' })).recipients, 1)
  await client.next('x')
  assert.throws(() => manager.endpoint('no slash'), { code: 'config' })
  assert.throws(() => manager.removeEndpoint('/none'), { code: 'not_found' })
})

test('what clients bring about in a handler is one plain line', async (t) => {
  const { logged, url } = await listening(t, undefined, (manager) => {
    manager.onCommand('open', async (connection, { room }) => {
      if (room === 'gone') throw new NotFound('the connection has gone')
      if (room === 'full') throw new Refused('the connection is in max_rooms (1) rooms')
      await connection.join(room)
    })
  })
  const client = await connect(t, `${url}/ws`)
  const ask = async (room) => {
    client.send({ action: 'open', data: { room }, id: 1 })
    const { data } = await client.next((message) => message.id === 1)
    return `${data.code}: ${data.message}`
  }
  assert.match(await ask('a b\nforged'), /^bad_request: .*no valid name/)
  assert.match(await ask('@user:u2'), /^bad_request/)
  assert.match(await ask('gone'), /^internal/)
  assert.match(await ask('full'), /^forbidden: .*max_rooms/)
  assert.deepEqual(
    logged.map((parts) => parts.length),
    [1, 1, 1], // of each kind one in a while, and no error with its trace
  )
  const text = logged.map(([line]) => line).join('|')
  assert.match(
    text,
    /^the command 'open': InvalidRoom: room ".*"[^|]*\|the command 'open': NotFound: the connection has gone\|.*Refused: /,
  )
  assert.ok(!text.includes('\n'))
})
