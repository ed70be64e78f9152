// Endpoints of the application's own that put what comes from outside into names, and checks that do all that a check may do.
import { setTimeout as sleep } from 'node:timers/promises'
import { wsManager } from 'ws_manager'
import { serve } from './serve.mjs'

wsManager.configure({ authTimeout: 2, handshakeTimeout: 1, heartbeatInterval: 1, timeout: 4 })
wsManager.configure({ maxConnections: 5000, maxConnectionsPerIp: 5000, maxConnectionsPerUser: 5000 })
const query = (req, name = 'board') => new URL(req.url, 'http://x').searchParams.get(name) ?? ''
await serve({
  endpoints: {
    '/live/:board': async (req) => ({ userId: 'u1', rooms: [`board:${req.params.board}`] }),
    '/bare': async (req) => ({ userId: 'u1', rooms: [query(req)] }),
    '/team/:team': async (req) => ({ userId: 'u1', subscribe: [`${req.params.team}:*`] }),
    '/write': async (req) => ({ userId: 'u1', publish: [`${query(req)}*`] }),
    '/several': async (req) => ({
      userId: 'u1',
      rooms: query(req, 'boards')
        .split(',')
        .map((board) => `board:${board}`.toLowerCase()),
    }),
    '/inboxes': async (req) => {
      const nick = req.headers['x-nick'] ?? /nick=([^;]+)/.exec(req.headers.cookie ?? '')?.[1] ?? 'x'
      const teams = query(req, 'teams').split(',')
      return {
        userId: nick,
        subscribe: [`inbox:${nick}`, ...teams.map((team) => `team:${team.split('-').at(-1).toLowerCase()}`)],
      }
    },
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
      throw Object.assign(new Error('no'), { status: 403 })
    },
    '/closes': async () => {
      await sleep(50)
      throw Object.assign(new Error('no'), { code: 4403 })
    },
    '/returns': async () => {
      await sleep(50)
    },
  },
})
