// One client per address and session, however many hooks use it.

import { Client, type ClientOptions, type Status } from '../client/index.js'

interface Entry {
  key: string
  client: Client
  /** Those of the hook that rendered last: its functions are in force. */
  options: ClientOptions
  users: number
  /** Whether it is to be connected for whoever comes next; not after somebody has called disconnect(). */
  idle: boolean
  ending: ReturnType<typeof setTimeout> | undefined
}

/** Those that somebody uses, or soon will. */
const entries = new Map<string, Entry>()
const entryOf = new WeakMap<Client, Entry>()
/** Clients that connect when the first component is there, and those that were told to. */
const expected = new WeakSet<Client>()
const told = new WeakSet<Client>()

/** What a server renders, and the browser at first: `connecting` rather than a flash of `disconnected`. */
export const firstStatus = (client: Client): Status => (expected.has(client) ? 'connecting' : 'disconnected')

export const statusOf = (client: Client): Status =>
  client.status === 'disconnected' && !told.has(client) ? firstStatus(client) : client.status

/** What a connection is made for: where one of these differs there is another. A function is asked for each connection anew. */
export function identityOf({ url, sessionId, query, tokenIn, getToken }: Partial<ClientOptions>): string {
  const address = typeof url === 'function' ? null : String(url)
  return JSON.stringify([address, sessionId ?? '', query ?? {}, tokenIn ?? '', !!getToken])
}

/** The client of these options; it does not connect by itself before somebody holds it. */
export function clientOf(options: ClientOptions): Client {
  const key = identityOf(typeof options.url === 'function' ? { ...options, url: options.url() } : options)
  const known = entries.get(key)
  if (known) {
    tellIgnored(known.options, options)
    return known.client
  }
  const entry = { key, options, users: 0, idle: true, ending: undefined } as Omit<Entry, 'client'> as Entry
  const { url, getToken } = options
  entry.client = new Client({
    ...options,
    autoConnect: false,
    url: typeof url === 'function' ? () => latest(entry.options.url) : url,
    getToken: getToken && (() => entry.options.getToken?.()),
  })
  entryOf.set(entry.client, entry)
  if (options.autoConnect !== false) expected.add(entry.client)
  if (typeof window === 'undefined') return entry.client // on a server nobody will ever hold it
  entries.set(key, entry)
  expire(entry) // rendering may be thrown away: what nobody ever holds must not stay
  return entry.client
}

const latest = (url: ClientOptions['url']): string | URL => (typeof url === 'function' ? url() : url)

/** Functions of the hook that rendered last are those to call. */
export function renew(client: Client, options: ClientOptions): void {
  const entry = entryOf.get(client)
  if (entry) entry.options = { ...entry.options, url: options.url, getToken: options.getToken }
}

/** Options that are in force as the first hook gave them. */
const FIXED = [
  'reconnect',
  'maxReconnectAttempts',
  'minReconnectDelay',
  'maxReconnectDelay',
  'connectTimeout',
  'heartbeatTimeout',
  'requestTimeout',
  'queueSize',
  'queuePolicy',
  'shared',
] as const
const warned = new Set<string>()

function tellIgnored(inForce: ClientOptions, given: ClientOptions): void {
  for (const name of FIXED) {
    if (given[name] === undefined || given[name] === inForce[name] || warned.has(name)) continue
    warned.add(name)
    console.warn(
      `ws_manager: ${name}: ${given[name]} is not in force: the connection was made with ${inForce[name] ?? 'the default'}, ` +
        'and all hooks of one address share it. Give the option to <WebSocketProvider>, or to every hook alike.',
    )
  }
}

/** Says that somebody uses it; returns the end of that. */
export function hold(client: Client, connect: boolean): () => void {
  const entry = entryOf.get(client)
  if (!entry) return () => {}
  clearTimeout(entry.ending)
  // It may have been let go of: what was rendered may be shown late, and what was hidden may be shown again.
  if (!entries.has(entry.key)) entries.set(entry.key, entry)
  entry.users++
  if (connect && entry.idle) {
    entry.idle = false
    told.add(client)
    try {
      client.connect()
    } catch {
      // There is no WebSocket: `status` and `error` say so, and the page stays.
    }
  }
  return () => {
    // Later: StrictMode and fast refresh unmount and mount again at once, and so does a route change.
    if (--entry.users === 0) expire(entry)
  }
}

function expire(entry: Entry): void {
  clearTimeout(entry.ending)
  entry.ending = setTimeout(() => {
    if (entry.users) return
    if (entries.get(entry.key) === entry) entries.delete(entry.key)
    entry.client.disconnect()
    entry.idle = true
  }, 1000)
}
