// An authorize handler alone: it says who may do what, but knows nobody.
import { wsManager } from 'ws_manager'
import { serve } from './serve.mjs'

wsManager.authorize((connection, action, room) => action === 'subscribe' && room === 'board:8')
await serve()
