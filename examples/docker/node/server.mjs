// The smallest server: POST /say/hello reaches every client of /ws/updates.
import { createServer } from 'node:http'
import { wsManager } from 'ws_manager'

const server = createServer((req, res) =>
  wsManager.restHandler(req, res, () => {
    const [, text] = /^\/say\/(.+)$/.exec(req.url) ?? []
    if (text && req.method === 'POST') wsManager.broadcast({ type: 'said', data: { text: decodeURIComponent(text) } })
    res.writeHead(text ? 200 : 404).end()
  }),
)
await wsManager.attach(server)
server.listen(8000, '0.0.0.0')
