// What users of the client see.

import type { EventMap, FlatEventMap, RoutingKeys } from './events.js'

/** `connecting`: the first attempt; `degraded`: messages come by polling; `failed`: given up until reconnect(). */
export type Status = 'connecting' | 'connected' | 'reconnecting' | 'degraded' | 'disconnected' | 'failed'

/** Where a message stands. Without a history of the room there is no epoch and no offset. */
export interface Place {
  room: string
  epoch?: string
  offset?: number
}

/** The client that published a message, and its user where that is known. */
export interface Publisher {
  user_id: string | null
  client_id: string
}

/** A message, in one shape: `event_type` messages have their own members in `data` too. */
export interface Message<Type extends string = string, Data = any> extends RoutingKeys {
  type: Type
  data: Data
  timestamp?: string
  message_id?: string
  room?: string
  offset?: number
  epoch?: string
  /** Who published it, where a client did; in an application's own object what the application says. */
  from?: Publisher
  /** Where an application's object stands that has a `room`, `epoch` or `offset` of its own. */
  '@position'?: Place
  id?: string | number
  [member: string]: unknown
}

/** Any name will do; those of EventMap have types. */
export type EventName = keyof EventMap | (string & {})
export type DataOf<Name> = Name extends keyof EventMap ? EventMap[Name] : any
/** The message of an event. */
export type MessageOf<Name extends string> = Name extends keyof FlatEventMap
  ? Message<Name, FlatEventMap[Name]> & FlatEventMap[Name]
  : Message<Name extends '*' ? string : Name, DataOf<Name>>
/** A method's parameter: a handler may say more of the data than the catalogue knows (`status: 'on' | 'off'`). */
export type Handler<Name extends string = string> = { handle(message: MessageOf<Name>): void }['handle']

/** What the client does when it has more to send than it may keep while it is not connected. */
export type QueuePolicy = 'drop_oldest' | 'drop_newest' | 'throw'

export interface Gap {
  /** Empty: of every room. */
  room: string
  /** How many messages are missing at least; 0: unknown. */
  missed: number
  reason: 'not_recovered' | 'gap'
}

export interface ClientOptions {
  /** `ws://…`, `wss://…`, `http(s)://…`, or a path of the page's own host. */
  url: string | URL | (() => string | URL)
  /** Groups the tabs of one user: `?session_id=`. */
  sessionId?: string
  /** A JWT, asked for before each connection and before it expires. */
  getToken?: () => string | null | undefined | Promise<string | null | undefined>
  /** How the token travels: `protocol` (Sec-WebSocket-Protocol), `message` (the first message). */
  tokenIn?: 'protocol' | 'message'
  /** Further parameters of the URL's query. */
  query?: Record<string, string>
  /** Connect without being asked: true. */
  autoConnect?: boolean
  /** Connect again when a connection ends: true. */
  reconnect?: boolean
  /** Attempts in a row, then `failed` until reconnect(): no limit. */
  maxReconnectAttempts?: number
  /** Milliseconds: the first and the longest upper bound of the random wait between attempts: 1,000 and 30,000. */
  minReconnectDelay?: number
  maxReconnectDelay?: number
  /** Milliseconds for a connection to be greeted: 10,000. */
  connectTimeout?: number
  /** Milliseconds without anything heard, then the connection is taken for dead: 45,000. */
  heartbeatTimeout?: number
  /** Milliseconds for the answer to a request: 10,000. */
  requestTimeout?: number
  /** Messages kept while not connected: 100. */
  queueSize?: number
  queuePolicy?: QueuePolicy
  /** Where rooms stood when the page was rendered (server-side `position()`): recovery starts there. */
  positions?: Record<string, { epoch: string; offset: number }>
  /** Polling of the history while WebSocket does not get through; off by default. */
  poll?: PollOptions | boolean
  /**
   * One socket for all tabs of the browser that have the same address and session: false. Needs Web Locks and BroadcastChannel (a secure
   * page, or localhost); elsewhere each tab has its own.
   */
  shared?: boolean
  /** For runtimes without a global WebSocket, and for tests. */
  WebSocket?: WebSocketConstructor
  fetch?: typeof fetch
  random?: () => number
}

export interface PollOptions {
  /** Of the REST interface: by default `/api/ws` at the host of `url`. */
  url?: string
  /** Milliseconds between polls: 5,000. */
  interval?: number
  /** Failed attempts before polling begins: 3. */
  after?: number
}

/** What the client needs of a WebSocket: those of browsers, of Node, and of the package `ws` have it. */
export interface WebSocketLike {
  readyState: number
  binaryType?: string
  send(data: string): void
  close(code?: number, reason?: string): void
  onopen: ((event: any) => void) | null
  onmessage: ((event: any) => void) | null
  onclose: ((event: any) => void) | null
  onerror: ((event: any) => void) | null
}
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike

/** What went wrong; `code` is that of the server's `error` message, or timeout, aborted, closed, queue_full, no_websocket. */
export class WsClientError extends Error {
  readonly code: string
  /** That of the connection, where one has ended: 4401 asks for another token. */
  readonly closeCode?: number
  constructor(code: string, message: string, closeCode?: number) {
    super(message)
    this.name = 'WsClientError'
    this.code = code
    this.closeCode = closeCode
  }
}
