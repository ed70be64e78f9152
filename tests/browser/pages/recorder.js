// A page's client, and everything that it was told, in order; for the oracle. Imports the package as it is, without a bundler.
import { createClient } from '/dist/client/index.js'

export const clients = {}

/** Makes a client whose messages, gaps and states are written down in `log`. rooms: what it subscribes to. */
export function record(name, { rooms = [], quiet = false, ...options } = {}) {
  const log = []
  const client = createClient({ minReconnectDelay: 100, maxReconnectDelay: 1000, ...options, autoConnect: false })
  const write = (entry) => log.push({ at: Date.now(), ...entry })
  client.on('*', (message) => {
    // `x`: what a test asks about beside rooms and positions.
    const { type, room, offset, epoch, message_id: id, data } = message
    write({ is: 'message', type, room, offset, epoch, id, data: quiet && type === 'tick' ? { n: data.n } : data })
  })
  client.on('binary', ({ data }) => write({ is: 'binary', size: data.size ?? data.byteLength }))
  client.onGap((gap) => write({ is: 'gap', ...gap }))
  let last = ''
  const status = () => {
    if (client.status === last) return
    last = client.status
    write({ is: 'status', status: last })
    if (globalThis.document) document.getElementById('status').textContent = last
  }
  client.onChange(status)
  status()
  for (const room of rooms) client.subscribe(room)
  if (options.autoConnect !== false) client.connect()
  return (clients[name] = { client, log })
}

/** What the page shows, whatever it is told: each text of the element is a line of `seen`. */
export function watch(element, seen = []) {
  seen.push(element.textContent)
  const observer = new MutationObserver(() => seen.push(element.textContent))
  observer.observe(element, { childList: true, characterData: true, subtree: true })
  return seen
}

Object.assign(globalThis, { record, clients })
if (globalThis.document) globalThis.shown = watch(document.getElementById('status'))
