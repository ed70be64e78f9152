// Puts the manager behind the entrance that WSM_ENTRANCE names: attach (with the REST calls of restHandler), fetch (the same with
// wsManager.fetch()), or listen (the runtime's own port).
import { createServer } from 'node:http'
import { wsManager } from 'ws_manager'

const PORT = Number(process.env.PORT)

/** The application: POST /app says how long the body is. */
async function application(req, res) {
  if (req.url !== '/app') return res.writeHead(404).end('the application')
  let bytes = 0
  for await (const chunk of req) bytes += chunk.length
  return res.setHeader('content-type', 'application/json').end(JSON.stringify({ bytes }))
}

/** As route handlers of fetch's kind are called by their servers. */
async function byFetch(req, res) {
  if (!/^\/(api\/|metrics|ws\/)/.test(req.url)) return application(req, res)
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  const headers = new Headers()
  for (let i = 0; i < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i], req.rawHeaders[i + 1])
  const body = ['GET', 'HEAD'].includes(req.method) ? undefined : Buffer.concat(chunks)
  const answer = await wsManager.fetch(
    new Request(`http://${req.headers.host ?? 'localhost'}${req.url}`, { method: req.method, headers, body }),
  )
  res.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()))
}

export async function serve(options) {
  if (process.env.WSM_ENTRANCE === 'listen') {
    await wsManager.listen({ port: PORT, host: '127.0.0.1' })
    return
  }
  const server = createServer(
    process.env.WSM_ENTRANCE === 'fetch'
      ? (req, res) => byFetch(req, res).catch(() => res.destroy())
      : (req, res) => wsManager.restHandler(req, res, () => application(req, res).catch(() => res.destroy())),
  )
  await wsManager.attach(server, options)
  server.listen(PORT, '127.0.0.1')
}
