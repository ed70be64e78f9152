// An authenticate handler that does all that a check may do.
import { setTimeout as sleep } from 'node:timers/promises'
import { wsManager } from 'ws_manager'
import { serve } from './serve.mjs'

wsManager.configure({ authTimeout: 2, handshakeTimeout: 1, heartbeatInterval: 1, timeout: 4 })
wsManager.configure({ maxConnections: 5000, maxConnectionsPerIp: 5000, maxConnectionsPerUser: 5000 })
wsManager.authenticate(async (request) => {
  const how = request.headers['x-how']
  await sleep(how === 'slow' ? 300 : 50)
  if (how === 'raises') throw new Error('the check raises')
  if (how === 'closes') throw Object.assign(new Error('no'), { code: 4403 })
  if (how === 'refuses') return false
  return how === 'slow' ? { userId: 'u1' } : null
})
await serve()
