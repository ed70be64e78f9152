// handOver() with checks that do all that a check may do, and no attach().
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { wsManager } from 'ws_manager'

wsManager.configure({ authTimeout: 2, handshakeTimeout: 1, heartbeatInterval: 1, timeout: 4 })
wsManager.configure({ maxConnections: 5000, maxConnectionsPerIp: 5000, maxConnectionsPerUser: 5000 })
const CHECKS = {
  '/slow': async () => {
    await sleep(300)
    return { userId: 'u1' }
  },
  '/raises': async () => {
    await sleep(50)
    throw new Error('the check raises')
  },
  '/refuses': async () => {
    await sleep(50)
    return false
  },
  '/closes': async () => {
    await sleep(50)
    throw Object.assign(new Error('no'), { code: 4403 })
  },
  '/returns': async () => {
    await sleep(50)
  },
}
const server = createServer((req, res) => wsManager.restHandler(req, res, () => res.writeHead(404).end('mine')))
server.on('upgrade', (req, socket, head) => wsManager.handOver(req, socket, head, CHECKS[req.url]))
server.listen(Number(process.env.PORT), '127.0.0.1')
