// attach() with a prefix, and a check.
import { wsManager } from 'ws_manager'
import { serve } from './serve.mjs'

const ROOMS = { u1: ['board:7'], u2: ['board:8'] }
wsManager.authenticate(async (request) => {
  const user = request.headers['x-user'] ?? ''
  return Object.hasOwn(ROOMS, user) ? { userId: user, rooms: ROOMS[user] } : null
})
await serve({ prefix: '/v1' })
