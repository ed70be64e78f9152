// Compiled by tsc --strict, never run: what must be accepted, and what must not.
import { createServer } from 'node:http'
import { EventType, notify_new_log, wsManager, WebSocketManager, WsManagerError } from 'ws_manager'
import type { Connection, Delivery, PipelineUpdateData, Schema } from 'ws_manager'

const server = createServer(wsManager.restHandler)
server.on(
  'request',
  wsManager.adminHandler(async (request) => request.headers.cookie === 'staff'),
)
const attached: Promise<void> = wsManager.attach(server)
wsManager.attach(server, {
  prefix: '/shop',
  endpoints: {
    '/live/:board': async (req) => ({
      userId: req.headers['x-user'] as string,
      rooms: [`board:${req.params.board}`],
      state: { a: 1 },
    }),
    '/quiet': { check: () => true, greeting: 'hello' },
  },
  defaults: false,
})
server.on('upgrade', (req, socket, head) => {
  wsManager.handOver(req, socket, head, async (request) => (request.headers.cookie ? 'u' : null), { skipOrigin: true })
  wsManager.handOver(req, socket, head, { userId: 7, subscribe: 'team:*' }).then(({ code }) => code.toFixed())
})
createServer((req, res) => wsManager.rest(req, res, { userId: 'u', rooms: ['a'] }))
createServer((req, res) => wsManager.rest(req, res, async (request) => request.headers.cookie))
wsManager.fetch(new Request('http://h/'), { userId: 'u', subscribe: ['team:*'] })
// @ts-expect-error endpoints have checks
wsManager.attach(server, { endpoints: { '/live': { userId: 'u' } } })
// @ts-expect-error there is no such option
wsManager.attach(server, { path: '/live' })
const data: PipelineUpdateData = { pipeline_id: '7', status: 'running', progress: null }
wsManager.notifyPipelineUpdate(data)
wsManager.notify_pipeline_update('7', 'running', 50, undefined, undefined, new Date(), { priority: 'critical' })
wsManager.notify('pipeline_update', data, { project_id: 'P' })
wsManager.notify('of_my_own', { anything: 1 })
wsManager.sendToProject('P', EventType.NOTIFICATION, { title: 'a', message: 'b' })
wsManager.sendToProject('P', { event_type: 'whole' })
notify_new_log('info', 'words')

async function outcome(): Promise<Delivery> {
  const { recipients } = await wsManager.broadcast({ a: 1 }, { exclude: ['u'], maxRate: 10, conflate: 'k' })
  const text: string = await wsManager.sendToUser(7, 'x').then((delivery) => delivery.room + recipients)
  try {
    return await wsManager.sendToRoom(['a', 'b'], new Uint8Array(2))
  } catch (error) {
    if (error instanceof WsManagerError) console.log(error.code, text, attached)
    throw error
  }
}

const own = new WebSocketManager({ heartbeatInterval: 10, allowedOrigins: ['https://a.example'], rest: false })
const remove = own.onConnect(async (connection) => {
  connection.send({ hello: connection.userId })
  await outcome()
})
remove()
own.onCommand('add', (connection, { a, b }: { a: number; b: number }) => a + b)
declare const schema: Schema<{ image_id: number }>
const width: (connection: Connection, data: { image_id: number }) => number = (connection, { image_id }) => image_id
own.onCommand('cancel', schema, width, { concurrent: true })
own.onCommand('cancel', schema, async (connection, { image_id }) => image_id.toFixed())
own.onMessage(schema, (connection, message) => connection.send(message.image_id.toFixed()), { name: 'images' })
own.onConnect((connection) => fetch('http://localhost', { signal: connection.signal }), { concurrent: true })
own.authenticate(async ({ headers, query }) => (headers.authorization ? { userId: 7, rooms: ['vip'] } : query.get('u')))
own.authorize((connection, action, room) => room.startsWith(`${action}:`))

// @ts-expect-error a status is needed
wsManager.notifyPipelineUpdate({ pipeline_id: '7' })
// @ts-expect-error the data of an event of the catalogue is checked in notify(), too
wsManager.notify('pipeline_update', { pipeline_id: 7 })
wsManager.room('orders:*', { store: 'disk', historyTtl: 90 * 86400 })
// @ts-expect-error there is no such place
wsManager.room('orders:*', { store: 'paper' })
wsManager.sendToRoom('orders', {}, { once: 7 }).then(({ stored, duplicate }): boolean => stored || duplicate)
// @ts-expect-error there is no such priority
wsManager.broadcast({}, { priority: 'high' })
// @ts-expect-error there is no such level
notify_new_log('loud', 'words')
// @ts-expect-error a level is taken from the data
wsManager.notifyLog('info', 'x', null, { level: 'error' })
// @ts-expect-error functions are no messages
wsManager.broadcast()
// @ts-expect-error the schema says what the handler gets
own.onCommand('cancel', schema, (connection, { name }) => name)
// @ts-expect-error there is no such option
own.onConnect(() => {}, { concurent: true })
// @ts-expect-error a misspelt option
wsManager.configure({ heartbeat_intervall: 15 })
// @ts-expect-error a text where a number belongs
wsManager.configure({ allowedOrigins: 5 })
