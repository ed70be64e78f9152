// One client per address and session, however many hooks use it.

import { Client, type ClientOptions, type Status } from '../client/index.js'

interface Entry {
  client: Client
  users: number
  ending: ReturnType<typeof setTimeout> | undefined
}

const entries = new Map<string, Entry>()
/** Clients that connect when the first component is there, and those that were told to. */
const expected = new WeakSet<Client>()
const told = new WeakSet<Client>()

/** What a server renders, and the browser at first: `connecting` rather than a flash of `disconnected`. */
export const firstStatus = (client: Client): Status => (expected.has(client) ? 'connecting' : 'disconnected')

export const statusOf = (client: Client): Status =>
  client.status === 'disconnected' && !told.has(client) ? firstStatus(client) : client.status

/** What makes two hooks share a connection. Functions are not compared: the first hook's are in force. */
function keyOf(options: ClientOptions): string {
  const url = typeof options.url === 'function' ? options.url() : options.url
  return JSON.stringify([
    String(url),
    options.sessionId ?? '',
    options.query ?? {},
    options.tokenIn ?? '',
    !!options.getToken,
  ])
}

/** The client of these options; it does not connect by itself before somebody holds it. */
export function clientOf(options: ClientOptions): Client {
  const key = keyOf(options)
  let entry = entries.get(key)
  if (!entry) {
    entry = { client: new Client({ ...options, autoConnect: false }), users: 0, ending: undefined }
    entries.set(key, entry)
    if (options.autoConnect !== false) expected.add(entry.client)
    // Rendering may be thrown away: what nobody ever holds must not stay.
    expire(key, entry)
  }
  return entry.client
}

/** Says that somebody uses it; returns the end of that. */
export function hold(client: Client, connect: boolean): () => void {
  const [key, entry] = [...entries].find(([, each]) => each.client === client) ?? []
  if (!key || !entry) return () => {}
  clearTimeout(entry.ending)
  entry.users++
  if (connect) {
    told.add(client)
    if (client.status === 'disconnected') client.connect()
  }
  return () => {
    // Later: StrictMode and fast refresh unmount and mount again at once, and so does a route change.
    if (--entry.users === 0) expire(key, entry)
  }
}

function expire(key: string, entry: Entry): void {
  clearTimeout(entry.ending)
  entry.ending = setTimeout(() => {
    if (entry.users) return
    if (entries.get(key) === entry) entries.delete(key)
    entry.client.close()
  }, 1000)
  ;(entry.ending as { unref?: () => void }).unref?.() // server-side rendering must not keep a process alive
}
