// The same as `beside`, with rooms that are open by the user's word.
import { wsManager } from 'ws_manager'

wsManager.configure({ access: 'open' })
await import('./beside.mjs')
