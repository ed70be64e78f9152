// How a test speaks to the application from behind; see control.py.
import net from 'node:net'
import { createInterface } from 'node:readline'
import { wsManager } from 'ws_manager'

async function carryOut({ do: what, to, message }) {
  switch (what) {
    case 'publish':
      if (to === '@all') await wsManager.broadcast(message)
      else if (to.startsWith('@user:')) await wsManager.sendToUser(to.slice(6), message)
      else await wsManager.sendToRoom(to, message)
      break
    case 'authorize':
      wsManager.authorize(() => false)
      break
    case 'pid':
      return { pid: process.pid }
    case 'connections':
      return { connections: (await wsManager.stats()).active_connections }
  }
  return {}
}

const listener = net.createServer((socket) => {
  socket.on('error', () => {})
  createInterface({ input: socket }).on('line', async (line) => {
    let answer
    try {
      answer = await carryOut(JSON.parse(line))
    } catch (error) {
      answer = { error: `${error.name}: ${error.message}` }
    }
    socket.write(`${JSON.stringify(answer)}\n`)
  })
})
listener.listen(process.env.WSM_CONTROL)
