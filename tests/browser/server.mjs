// The same for Node: a node:http server with attach(), and what most tests need of server.py's controls. Run in build/node-app.
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { parseArgs } from 'node:util'

const { wsManager } = createRequire(join(process.cwd(), 'x.js'))('ws_manager')
const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    option: { type: 'string', multiple: true, default: [] },
    publish: { type: 'string', multiple: true, default: [] },
    'per-second': { type: 'string', default: '0' },
    files: { type: 'string', multiple: true, default: [] },
  },
})
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }
const folders = values.files.map((text) => text.split('='))
wsManager.configure(Object.fromEntries(values.option.map((text) => text.split('='))))

let perSecond = Number(values['per-second'])
let n = 0
const send = (room, message) => (room === '@all' ? wsManager.broadcast(message) : wsManager.sendToRoom(room, message))
let due = performance.now()
setInterval(() => {
  const now = performance.now()
  if (!perSecond || now - due > 1000) due = now
  for (; perSecond && due < now; due += 1000 / perSecond) {
    n++
    for (const room of values.publish) send(room, { type: 'tick', data: { run: process.pid, n } })
  }
}, 5)

async function own(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost')
  let body = ''
  for await (const part of request) body += part
  const order = body ? JSON.parse(body) : {}
  if (pathname === '/control/pace') {
    perSecond = order.per_second
    return response.end(JSON.stringify({ n }))
  }
  if (pathname === '/control/publish') {
    for (let i = 0; i < order.count; i++)
      send(order.room, { type: order.type ?? 'tick', data: { run: 'burst', n: (order.first ?? 1) + i } })
    return response.end(JSON.stringify({ published: order.count }))
  }
  const [prefix, folder] = folders.find(([each]) => pathname.startsWith(`${each}/`)) ?? []
  const content = folder && (await readFile(join(folder, pathname.slice(prefix.length))).catch(() => null))
  response.writeHead(content ? 200 : 404, { 'content-type': TYPES[extname(pathname)] ?? 'text/plain' })
  return response.end(content ?? 'not found')
}

wsManager.onCommand('echo', (_connection, { value }) => value)
const server = createServer((request, response) =>
  wsManager.restHandler(request, response, () => void own(request, response)),
)
await wsManager.attach(server)
server.listen(Number(values.port), '127.0.0.1')
process.on('SIGTERM', async () => {
  server.close()
  await wsManager.stop()
  process.exit(0)
})
