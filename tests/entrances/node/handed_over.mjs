// handOver() with the check itself, and no attach(): no other endpoint exists.
import { createServer } from 'node:http'
import { wsManager } from 'ws_manager'

const BOARDS = { u1: ['7'], u2: ['8'] }
const server = createServer((req, res) => wsManager.restHandler(req, res, () => res.writeHead(404).end('mine')))
server.on('upgrade', (req, socket, head) => {
  const board = /^\/live\/([^/?]+)$/.exec(req.url)?.[1]
  if (!board) return socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  return wsManager.handOver(req, socket, head, async () => {
    const user = req.headers['x-user'] ?? ''
    return Object.hasOwn(BOARDS, user) && BOARDS[user].includes(board)
      ? { userId: user, rooms: [`board:${board}`] }
      : null
  })
})
server.listen(Number(process.env.PORT), '127.0.0.1')
