// Nothing is checked, with rooms that need a grant by the user's word.
import { wsManager } from 'ws_manager'
import { serve } from './serve.mjs'

wsManager.configure({ access: 'granted' })
await serve()
