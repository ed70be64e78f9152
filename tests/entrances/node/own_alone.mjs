// An endpoint of the application's own and none of the built-in ones.
import { serve } from './serve.mjs'

const BOARDS = { u1: ['7'], u2: ['8'] }
const live = async (req) => {
  const user = req.headers['x-user']
  if (!Object.hasOwn(BOARDS, user ?? '') || !BOARDS[user].includes(req.params.board)) return null
  return { userId: user, rooms: [`board:${req.params.board}`] }
}
await serve({ defaults: false, endpoints: { '/live/:board': live } })
