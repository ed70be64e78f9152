// The client: runs what the state machine says, on a real socket, with real timers.

import type { PresenceData, PublishedData } from './events.js'
import { Follower, type HistoryPage, type SubscribeOptions, type Subscription } from './follower.js'
import { LONGEST_TIMER, addTo, membersOf, normal, numberOf, safely, textOf } from './messages.js'
import { canShare, lackOfSocket, watchPage } from './page.js'
import { Poller } from './poller.js'
import { Positions, isOwn, placeOf, positionOf, type Position } from './positions.js'
import { Queue } from './queue.js'
import { Requests, type RequestOptions } from './requests.js'
import type { Sharing } from './shared.js'
import { IDLE, delayOf, next, statusOf, type Effect, type Happening, type State } from './state.js'
import {
  WsClientError,
  type ClientOptions,
  type EventName,
  type Gap,
  type Handler,
  type Message,
  type Status,
  type WebSocketConstructor,
  type WebSocketLike,
} from './types.js'
import { Renewal } from './tokens.js'
import { connectionUrl, httpBase } from './url.js'
import { Watch } from './watch.js'

const OPEN = 1
/** Milliseconds until rooms are asked for again that the server refused for the rate. */
const PAUSE = 1000

interface Room {
  followers: Set<Follower>
  level?: string
}

export class Client {
  /** Changes at each change of what status, lastMessage and error say: for useSyncExternalStore and the like. */
  version = 0
  clientId: string | null = null
  userId: string | null = null
  lastMessage: Message | null = null
  /** Why the client has given up, or what the last connection ended with. */
  error: WsClientError | null = null

  private readonly options: Required<
    Omit<ClientOptions, 'sessionId' | 'getToken' | 'query' | 'positions' | 'poll' | 'WebSocket' | 'fetch'>
  > &
    ClientOptions
  private state: State = IDLE
  private socket: WebSocketLike | null = null
  /** Grows with each socket: what an old one still says is not listened to. */
  private generation = 0
  private readonly positions: Positions
  private readonly rooms = new Map<string, Room>()
  /** Rooms that come with the connection: they are neither joined nor left. */
  private given: Set<string>
  private readonly handlers = new Map<string, Set<Handler>>()
  private readonly changes = new Set<() => void>()
  private readonly gaps = new Set<(gap: Gap) => void>()
  private readonly queue: Queue
  /** Rooms that the server has not yet let us into. */
  private readonly joining = new Set<string>()
  private readonly requests: Requests
  private readonly poller: Poller
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private joinTimer: ReturnType<typeof setTimeout> | undefined
  private readonly renewal: Renewal
  private readonly heartbeat = new Watch(
    () => this.write({ action: 'ping' }),
    (limit) => {
      this.error = new WsClientError('closed', `nothing was heard for ${Math.round(limit / 1000)} s`)
      this.happen({ is: 'silent' })
    },
  )
  /** Whether to try 127.0.0.1 in place of localhost: that is ::1 first in some places, where not every server listens. */
  private byAddress = false
  /** Whether an attempt has ever got through: then its host is the right one. */
  private reached = false
  /** Why the server wanted another token; until there is a connection again. */
  private refused: string | null = null
  /** Milliseconds that a server which shuts down asks this client to wait: it spreads its clients itself. */
  private hint: number | null = null
  private sharing: Sharing | undefined
  private unwatch: (() => void) | null = null

  constructor(options: ClientOptions) {
    this.options = {
      tokenIn: 'protocol',
      autoConnect: true,
      reconnect: true,
      maxReconnectAttempts: Infinity,
      minReconnectDelay: 1000,
      maxReconnectDelay: 30_000,
      connectTimeout: 10_000,
      heartbeatTimeout: 45_000,
      requestTimeout: 10_000,
      queueSize: 100,
      queuePolicy: 'drop_oldest',
      shared: false,
      random: Math.random,
      ...options,
    }
    this.positions = new Positions(options.positions)
    this.given = new Set(this.positions.names())
    this.requests = new Requests(this.options.requestTimeout)
    this.renewal = new Renewal(options.getToken, (token) => this.write({ action: 'auth', token }))
    const { queueSize, queuePolicy } = this.options
    this.queue = new Queue(queueSize, queuePolicy, (id, error) => this.requests.refuse(id, error))
    const poll = options.poll === true ? {} : options.poll || undefined
    this.poller = new Poller({
      fetch: options.fetch ?? globalThis.fetch?.bind(globalThis),
      base: () => poll?.url ?? httpBase(this.options.url),
      interval: poll?.interval ?? 5000,
      limit: this.options.connectTimeout,
      token: () => options.getToken?.(),
      rooms: () =>
        this.positions
          .names()
          .concat([...this.rooms.keys()])
          // REST has the history of public rooms, and of the one that everybody is in.
          .filter((room, i, all) => all.indexOf(room) === i && (room === '@all' || !room.startsWith('@'))),
      position: (room) => this.positions.get(room),
      message: (raw) => this.deliver(raw),
      at: (room, position, told) => {
        this.positions.set(room, position)
        if (told) this.tellGap({ room, missed: 0, reason: 'not_recovered' })
      },
      turned: (answered) => this.happen({ is: 'polled', answered }),
    })
    if (this.options.autoConnect && !this.lack()) this.connect()
  }

  // ---- state ----

  get status(): Status {
    return statusOf(this.state)
  }

  get isConnected(): boolean {
    return this.state.at === 'open'
  }

  /** Messages that were dropped because the queue was full. */
  get droppedMessages(): number {
    return this.queue.dropped
  }

  /** Calls `changed` at each change of the client's state or last message; returns its end. */
  onChange(changed: () => void): () => void {
    this.changes.add(changed)
    return () => void this.changes.delete(changed)
  }

  /** Calls back whenever there is a connection again: what no room brings back may have to be loaded anew. Returns the end of it. */
  onReconnect(callback: () => void): () => void {
    let connected = this.isConnected
    let before = connected
    return this.onChange(() => {
      if (this.isConnected === connected) return
      connected = this.isConnected
      if (connected && before) callback()
      before = true
    })
  }

  /** Throws where there is no WebSocket to connect with; whatever else fails is told by `status` and `error`. */
  connect(): void {
    const lack = this.lack()
    if (lack) throw lack
    this.refused = null
    this.unwatch ??= watchPage(
      () => {
        if (this.isConnected) this.heartbeat.probe(this.options.connectTimeout) // has the connection outlived it?
        this.happen({ is: 'hope' })
      },
      () => {
        // Until it is shown again, nothing is tried: timers still fire before the page is frozen, and what they open would stay.
        if (this.state.at === 'waiting') clearTimeout(this.retryTimer)
        if (this.state.at !== 'open' && this.state.at !== 'connecting') return
        this.hint = this.options.maxReconnectDelay
        this.drop(1000)
        this.ended(1001, 'the page was left')
      },
    )
    this.happen({ is: 'connect' })
  }

  /** The same, under the name that fits after `failed`. */
  reconnect(): void {
    this.connect()
  }

  disconnect(): void {
    this.unwatch?.()
    this.unwatch = null
    this.happen({ is: 'disconnect' })
  }

  /** Why it can never connect here: then it is `failed`, and says so. */
  private lack(): WsClientError | null {
    const error = this.options.WebSocket ? null : lackOfSocket()
    if (!error) return null
    this.error = error
    this.state = { at: 'failed', reason: error.message }
    this.changed()
    return error
  }

  // ---- hearing ----

  /** `type`: an event's name, or '*' for every message. Returns the end of it. */
  on<Name extends EventName>(type: Name, handler: Handler<Name & string>): () => void {
    return addTo(this.handlers, type as string, handler as Handler)
  }

  /** Something is missing for good in a room (or in all: ''): load its state anew. */
  onGap(handler: (gap: Gap) => void): () => void {
    this.gaps.add(handler)
    return () => void this.gaps.delete(handler)
  }

  /** Joins a room, now and after each reconnection; `handler` gets its messages. */
  subscribe(room: string, handler: Handler = () => {}, options: SubscribeOptions = {}): Subscription {
    const known = this.rooms.get(room)
    const entry = known ?? { followers: new Set<Follower>() }
    const ready = () => options.onReady?.()
    const hear: Handler = (message) => safely(handler, message)
    const follower = new Follower(hear, ready, options.since, this.positions.get(room))
    entry.followers.add(follower)
    if (options.level !== undefined) entry.level = options.level
    this.rooms.set(room, entry)
    if (options.since && !this.positions.get(room)) this.positions.set(room, { ...options.since })
    if (this.isConnected && (options.level !== undefined || (!known && !this.given.has(room)))) this.join(room, entry)
    if (follower.behind) void this.catchUp(room, follower)
    else ready()
    const position = () => follower.position(this.positions.get(room))
    return {
      room,
      get position() {
        return position()
      },
      unsubscribe: () => {
        follower.end()
        if (!entry.followers.delete(follower) || entry.followers.size) return
        this.rooms.delete(room)
        this.joining.delete(room)
        if (this.given.has(room)) return
        this.positions.forget(room)
        if (this.isConnected) this.write({ action: 'unsubscribe', room })
      },
    }
  }

  // ---- saying ----

  /** Sends a command; while not connected it waits in the queue. `data`'s members stand beside `action`. */
  send(action: string, data?: object): void {
    this.post(JSON.stringify({ ...data, action }))
  }

  /** Sends a command and waits for its answer: what the host's handler returned, or the data of the core's own answers. */
  request<Answer = any>(action: string, data?: object, options: RequestOptions = {}): Promise<Answer> {
    const { id, answer } = this.requests.open(options)
    try {
      if (!options.signal?.aborted) this.post(JSON.stringify({ ...data, action, id }), id)
    } catch (error) {
      this.requests.refuse(id, error as Error)
    }
    return answer.catch((error: unknown) => {
      this.queue.forget(id)
      throw error
    }) as Promise<Answer>
  }

  history(room: string, options: { since?: Position; limit?: number } & RequestOptions = {}) {
    const { since, limit, ...rest } = options
    return this.request<HistoryPage>('history', { room, since, limit }, rest)
  }

  /** A page of who is in a room: at most `limit` ids of each kind (100), after those of the page whose `next` is `after`. */
  presence(room: string, options: { limit?: number; after?: string } & RequestOptions = {}) {
    const { limit, after, ...rest } = options
    return this.request<PresenceData>('presence', { room, limit, after }, rest)
  }

  publish(room: string, type: string, data: unknown, options?: RequestOptions) {
    return this.request<PublishedData>('publish', { room, type, data }, options)
  }

  /** Ends the client for good. */
  close(): void {
    this.disconnect()
    this.requests.refuseAll(new WsClientError('closed', 'the client was closed'))
    this.queue.take()
    this.sharing?.end()
    this.sharing = undefined
    this.changes.clear()
    this.handlers.clear()
    this.gaps.clear()
    this.rooms.clear()
  }

  // ---- what happens, and what follows ----

  private happen(happening: Happening): void {
    const before = this.status
    const poll = this.options.poll
    const [state, effects] = next(this.state, happening, {
      reconnect: this.options.reconnect,
      maxAttempts: this.options.maxReconnectAttempts,
      canRenew: this.options.getToken !== undefined,
      pollAfter: poll ? ((poll === true ? undefined : poll.after) ?? 3) : Infinity,
    })
    this.state = state
    if (state.at === 'failed')
      this.error = new WsClientError('closed', state.reason, happening.is === 'closed' ? happening.code : undefined)
    if (state.at !== 'waiting') clearTimeout(this.retryTimer)
    for (const effect of effects) this.run(effect)
    if (this.status !== before) this.changed()
  }

  private run(effect: Effect): void {
    const { minReconnectDelay, maxReconnectDelay, random } = this.options
    switch (effect.do) {
      case 'open':
        void this.open()
        break
      case 'close':
        this.drop(1000)
        break
      case 'wait':
        this.drop(1000)
        this.retryTimer = setTimeout(
          () => this.happen({ is: 'timer' }),
          Math.min(LONGEST_TIMER, this.hint ?? delayOf(effect.attempts, minReconnectDelay, maxReconnectDelay, random)),
        )
        this.hint = null
        break
      case 'poll':
        if (effect.on) this.poller.start()
        else this.poller.stop()
        break
    }
  }

  private async open(): Promise<void> {
    const generation = ++this.generation
    this.heartbeat.start(this.options.connectTimeout) // a token that never comes is an attempt that has failed, too
    let token: string | null | undefined
    try {
      token = await this.options.getToken?.()
    } catch (error) {
      if (generation === this.generation) this.ended(1006, `getToken() failed: ${String(error)}`)
      return
    }
    if (generation !== this.generation) return
    if (!token && this.refused !== null) {
      this.ended(4401, this.refused, true)
      return
    }
    let socket: WebSocketLike
    try {
      const Real = this.options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor)
      const Socket = this.options.shared && canShare() ? await this.sharedSocket(Real) : Real
      if (generation !== this.generation) return
      const address = connectionUrl(this.options.url, {
        ...this.options.query,
        session_id: this.options.sessionId,
        resume: this.positions.resume(),
      })
      const url = this.byAddress ? address.replace(/^(wss?:\/\/)localhost(?=[:/])/, '$1127.0.0.1') : address
      const offered =
        token && this.options.tokenIn === 'protocol' ? ['ws_manager.v1', `wsm.bearer.${token}`] : undefined
      socket = offered ? new Socket(url, offered) : new Socket(url)
    } catch (error) {
      // A function may give a better URL the next time; a text stays what it is.
      this.ended(typeof this.options.url === 'function' ? 1006 : 4400, String(error))
      return
    }
    this.socket = socket
    this.heartbeat.start(this.options.connectTimeout)
    socket.onopen = () => {
      this.reached = true
      if (token && this.options.tokenIn === 'message') socket.send(JSON.stringify({ action: 'auth', token }))
    }
    socket.onmessage = (event) => {
      if (generation === this.generation) this.receive(event.data)
    }
    socket.onclose = (event) => {
      if (generation !== this.generation) return
      this.socket = null
      if (!this.reached) this.byAddress = !this.byAddress
      this.ended(event.code, event.reason)
    }
    socket.onerror = () => {}
  }

  private async sharedSocket(Real: WebSocketConstructor): Promise<WebSocketConstructor> {
    const { generation } = this
    const { share } = await import('./shared.js') // most pages do without it
    if (generation !== this.generation) return Real // and no longer wanted
    const name = connectionUrl(this.options.url, { ...this.options.query, session_id: this.options.sessionId })
    return (this.sharing ??= share(name, Real)).Socket
  }

  /** final: there is no use in trying again. */
  private ended(code: number, reason: string, final = false): void {
    this.stopTimers()
    if (code === 4401) this.refused = reason
    this.error = new WsClientError('closed', reason || `the connection ended with ${code}`, code)
    this.requests.refuseSent(new WsClientError('closed', 'the connection ended before the answer came'))
    const asked = /reconnect in (\d+(?:\.\d+)?) s/.exec(reason)
    if (code === 1001 && asked) this.hint = Math.min(1000 * Number(asked[1]), 10 * this.options.maxReconnectDelay)
    this.happen({ is: 'closed', code, reason, final })
  }

  /** Lets go of the socket: nothing that it still says counts. */
  private drop(code: number): void {
    this.generation++
    this.stopTimers()
    const socket = this.socket
    this.socket = null
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
    this.requests.refuseSent(new WsClientError('closed', 'the connection ended before the answer came'))
    try {
      socket.close(code)
    } catch {
      // It is closed already.
    }
  }

  // ---- messages ----

  private receive(data: unknown): void {
    this.heartbeat.heard()
    if (typeof data !== 'string') {
      this.call('binary', { type: 'binary', data })
      return
    }
    let raw: unknown
    try {
      raw = JSON.parse(data)
    } catch {
      this.call('text', { type: 'text', data })
      return
    }
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) this.call('text', { type: 'text', data })
    else this.deliver(raw as Record<string, unknown>)
  }

  private deliver(raw: Record<string, unknown>): void {
    const message = normal(raw)
    if (!this.positions.see(message)) return
    if (isOwn(message) && this.heed(message)) return
    this.lastMessage = message
    this.call(message.type, message)
    this.changed()
  }

  /** What the server itself says; true for the answer to a request, which is nobody else's. */
  private heed(message: Message): boolean {
    if (message.type === 'connected' || message.type === 'connection') this.greeted(message)
    this.housekeeping(message)
    return message.id !== undefined && this.requests.answer(message)
  }

  private greeted(message: Message): void {
    const data = membersOf(message.data)
    const rooms = membersOf(data.rooms)
    this.clientId = textOf(data.client_id)
    this.userId = textOf(data.user_id)
    this.error = null
    this.refused = null
    this.renewal.before(data.expires_at)
    for (const [room, its] of Object.entries(rooms)) {
      const position = positionOf(its)
      if (!position || membersOf(its).recovered) continue
      if (this.positions.get(room)) this.tellGap({ room, missed: 0, reason: 'not_recovered' })
      this.positions.set(room, position)
    }
    this.given = new Set(Object.keys(rooms))
    this.heartbeat.start(Math.max(this.options.heartbeatTimeout, 1500 * (numberOf(data.heartbeat_interval) ?? 0)))
    this.happen({ is: 'greeted' })
    for (const [room, entry] of this.rooms) {
      if (!this.given.has(room)) this.join(room, entry)
      for (const follower of entry.followers) if (follower.behind) void this.catchUp(room, follower)
    }
    for (const text of this.queue.take()) this.socket?.send(text)
    this.requests.sent()
  }

  private housekeeping(message: Message): void {
    const data = membersOf(message.data)
    if (message.type === 'token_expiring') void this.renewal.now()
    else if (message.type === 'authenticated') this.renewal.before(data.expires_at)
    else if (message.type === 'error' && data.code === 'rate_limited' && this.joining.size) this.joinLater()
    else if (message.type === 'gap') {
      const room = textOf(data.room) ?? ''
      const position = positionOf(data)
      if (room && position) this.positions.set(room, position)
      this.tellGap({ room, missed: numberOf(data.missed) ?? 0, reason: 'gap' })
    } else if (message.type === 'subscribed' && typeof data.room === 'string') this.subscribed(data)
  }

  private subscribed(data: Record<string, any>): void {
    this.joining.delete(data.room)
    const position = positionOf(data)
    if (!position) return
    if (this.positions.get(data.room) && data.recovered === false) this.tellSubscribed(data)
    if (data.recovered !== true) this.positions.set(data.room, position)
  }

  /** A subscription that named a position the server no longer has. */
  private tellSubscribed(data: Record<string, any>): void {
    const known = this.positions.get(data.room) as Position
    if (known.epoch !== data.epoch || known.offset !== data.offset)
      this.tellGap({ room: data.room, missed: 0, reason: 'not_recovered' })
  }

  private call(type: string, message: Message): void {
    for (const set of [this.handlers.get(type), this.handlers.get('*')])
      for (const handler of set ? [...set] : []) safely(handler, message)
    const { room } = placeOf(message)
    if (room === undefined) return
    const here = this.positions.get(room)
    for (const follower of [...(this.rooms.get(room)?.followers ?? [])]) follower.hear(message, here)
  }

  /** Of a subscription that began behind: now, or with the next greeting. Polling brings it no further: then it is told of a gap. */
  private async catchUp(room: string, follower: Follower): Promise<void> {
    if (!this.isConnected && this.status !== 'degraded') return
    const here = () => this.positions.get(room)
    const ask = async (since: Position) => {
      const page = await this.request<HistoryPage>('history', { room, since, level: this.rooms.get(room)?.level })
      return { ...page, messages: page.messages.map((raw) => normal(raw)) }
    }
    try {
      if (this.isConnected && (await follower.catchUp(ask, here))) return
    } catch (error) {
      if ((error as WsClientError).code === 'closed') return
    }
    if (!follower.behind) return // it has ended meanwhile
    follower.release(here())
    this.tellGap({ room, missed: 0, reason: 'not_recovered' })
  }

  private tellGap(gap: Gap): void {
    for (const handler of [...this.gaps]) safely(handler, gap)
  }

  // ---- sending ----

  private join(room: string, entry: Room): void {
    const since = this.positions.get(room)
    this.joining.add(room)
    this.write({ action: 'subscribe', room, since, level: entry.level })
  }

  private write(command: object): void {
    if (this.socket?.readyState === OPEN) this.socket.send(JSON.stringify(command))
  }

  /** A page with many rooms asks for more at once than a server may take; it says so, but not for which room. */
  private joinLater(): void {
    clearTimeout(this.joinTimer)
    this.joinTimer = setTimeout(() => {
      for (const room of this.joining) this.join(room, this.rooms.get(room) as Room)
    }, PAUSE)
  }

  private post(text: string, id?: number): void {
    const lack = this.lack()
    if (lack) throw lack
    if (this.isConnected && this.socket?.readyState === OPEN) {
      this.socket.send(text)
      this.requests.sent()
      return
    }
    this.queue.push(text, id)
  }

  private stopTimers(): void {
    this.heartbeat.stop()
    this.joining.clear()
    clearTimeout(this.joinTimer)
    this.renewal.stop()
  }

  private changed(): void {
    this.version++
    for (const change of [...this.changes]) safely(change, undefined)
  }
}

export function createClient(options: ClientOptions): Client {
  if (!options?.url) throw new TypeError("createClient() needs an address: createClient({ url: '/ws' })")
  return new Client(options)
}
