// A key for tokens.
import { wsManager } from 'ws_manager'
import { serve } from './serve.mjs'

wsManager.configure({
  jwtSecret: 'the-secret-of-the-entrances-' + 'x'.repeat(32),
  jwtCookie: 'session',
  jwtQuery: 'token',
})
await serve()
