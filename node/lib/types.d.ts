import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { EventData, EventMethods } from './events.js'
import type { Options } from './options.js'
import type { Id, Ids, Level, Message, Receipt, SendOptions } from './sending.js'

export * from './sending.js'

/** Where a room stands. */
export interface Position {
  epoch: string
  offset: number
}
/** Messages of a room, oldest first, and the position after the last of them. */
export interface History extends Position {
  messages: unknown[]
  recovered: boolean
}
/** Who is in a room: the totals are of all, the lists one page. `next` is null on the last page. */
export interface Presence {
  room: string
  clients_total: number
  users_total: number
  clients: string[]
  users: string[]
  next: string | null
}
/** One row of bans(). */
export interface Ban {
  /** An IPv4 address, or the first of an IPv6 network: a ban holds for the whole /64. */
  ip: string
  /** RFC 3339. */
  until: string
  /** Left until then. */
  seconds: number
  /** false: by ban(). */
  automatic: boolean
  /** Automatic bans of this address that are not forgotten. */
  count: number
  reason: string
}
/** One row of revocations(): of a token, or of a user's tokens issued before a time. Unix milliseconds. */
export interface Revocation {
  jti?: string
  user_id?: string
  before?: number
  until: number
}
/** Who may do something in a room. */
export type Who = 'anyone' | 'authenticated' | 'granted' | 'nobody'
/** What can be said about rooms by pattern; null takes a setting back. docs/access.md, docs/limits.md. */
export interface RoomSettings {
  subscribe?: Who | null
  publish?: Who | null
  history?: Who | null
  presence?: Who | null
  /** For clients that fall behind. */
  overflow?: 'recover' | 'drop_oldest' | 'latest' | 'disconnect' | null
  /** Whether members are told who comes and goes. */
  presenceEvents?: boolean | null
  /** Messages kept. */
  historySize?: number | null
  /** Seconds that they are kept. */
  historyTtl?: number | null
  /** Where: in memory (default), or in the file of the option `store`, which survives the process (else StoreNotConfigured). */
  store?: 'memory' | 'disk' | null
}

/** One row of connections(); connected_at is RFC 3339. */
export interface ConnectionRow {
  client_id: string
  user_id: string
  session_id: string
  path: string
  ip: string
  user_agent: string
  connected_at: string
  rooms: string[]
  queued_bytes: number
}

/** One client's connection: the same object in every handler, from onConnect to onDisconnect. */
export declare class Connection {
  private constructor()
  /** Number of the connection in this process, never used again. */
  readonly conn: number
  readonly clientId: string
  readonly userId: string | null
  readonly sessionId: string | null
  readonly path: string
  readonly query: URLSearchParams
  readonly ip: string
  readonly userAgent: string
  readonly connectedAt: Date
  /** What was given as `state` when it was let in, or an empty object: the same one in every handler, to be changed as you like. */
  readonly state: Record<string, any>
  /** Aborted once the connection has gone and its handlers have ended, or have had handler_timeout seconds since then. */
  readonly signal: AbortSignal
  /** The rooms that it is in now; none once it is gone. */
  rooms(): Promise<string[]>
  /** Sends to this connection only. */
  send(message: Message, options?: SendOptions): Receipt
  /**
   * This connection, and no other of its user, joins a room until it leaves or ends; the client is told. It may read the room's history
   * meanwhile, and it counts as a subscription of the client's own. InvalidRoom; NotFound if the connection has gone, or is not let in
   * yet (say it by `rooms` then); Refused over max_rooms.
   */
  join(room: string): Promise<void>
  /** It leaves the room, whatever it was there for; nothing happens if it is not there. InvalidRoom, NotFound. */
  leave(room: string): Promise<void>
  /** Closes it with a close code (1000-1013 or 3000-4999) and a reason of at most 123 bytes. */
  close(code?: number, reason?: string): void
}

/** A request for a connection, as an authenticate handler gets it. Names of headers are in lower case. */
export declare class Request {
  private constructor()
  readonly path: string
  readonly pathParams: Record<string, string>
  readonly query: URLSearchParams
  readonly headers: Record<string, string>
  readonly cookies: Record<string, string>
  readonly ip: string
}

/** Who a client is and what it may, said by an authenticate handler, an endpoint's check, or with a socket that is handed over. */
export interface Identity {
  userId?: Id | null
  sessionId?: Id | null
  /** Names of rooms, which are joined and granted. */
  rooms?: string | Iterable<string>
  /** Granted, and not joined: names, and beginnings followed by a star ('project:*'). */
  subscribe?: string | Iterable<string>
  /** Where it may publish: likewise. */
  publish?: string | Iterable<string>
  /** A message, or an array of them, that this client gets right behind the greeting. */
  welcome?: string | object | readonly unknown[] | null
  /** What handlers find as `connection.state`. */
  state?: Record<string, any>
}
/** What decides may return: an identity, a user id alone, or true for nobody in particular; null, undefined and false refuse. */
export type Decision = string | number | boolean | null | undefined | void | Identity

/** How the connection of a socket that is handed over behaves. */
export interface HandOverOptions {
  /** One is made where it is missing; a connection that has it already is closed with 4409. */
  clientId?: Id | null
  /** Types of the first and the periodic message; 'connected' and 'heartbeat'. */
  greeting?: string
  heartbeat?: string
  /** Both sides say what the application says, and nothing else, as at an endpoint with `raw`. */
  raw?: boolean
  /** Do not look at the request's Origin. */
  skipOrigin?: boolean
}
/** What the application has decided about a connection that it hands over. */
export interface Admission extends Identity, HandOverOptions {}
/**
 * Decides who comes in, and may take its time (WEBSOCKET_AUTH_TIMEOUT): the runtime has the socket meanwhile. An error with `status`
 * 401 or 403, or with a close code as `code`, refuses; so do null and false (4403).
 */
export type Check = (req: IncomingMessage & { params: Record<string, string> }) => Decision | Promise<Decision>

/** Options of attach(). */
export interface AttachOptions {
  /** All of our paths on this server are below it: '/shop'. */
  prefix?: string
  /** Endpoints of the application's own, by path, in which `:name` stands for one part: `req.params.name`. */
  endpoints?: Record<string, Check | ({ check: Check } & Omit<HandOverOptions, 'clientId'>)>
  /** false: the built-in endpoints (/ws, /ws/updates, …) do not exist here; those of endpoint() do. */
  defaults?: boolean
  /** Other listeners for 'upgrade' on this server want no path that is ours; without, it is said once that they may. */
  shared?: boolean
  /** false: at SIGTERM and SIGINT nothing is done. Else connections are closed first, where nobody else handles the signal. */
  signals?: boolean
}
/** How a connection ended. */
export interface Ending {
  code: number
  reason: string
}

export interface EndpointOptions {
  /** What a connection joins; '{name}' is replaced by the path parameter, and '@all' is allowed. */
  rooms?: string | Iterable<string>
  /** Types of the first and the periodic message; 'connected' and 'heartbeat'. */
  greeting?: string
  heartbeat?: string
  /** It gets every message of every public room but `logs`. */
  firehose?: boolean
  /**
   * For pages that show what they get: no greeting, no heartbeat, no members are added, and whatever a client says goes to onMessage
   * (docs/protocol.md, "Raw endpoints").
   */
  raw?: boolean
}

export interface Logger {
  debug(...parts: unknown[]): void
  info(...parts: unknown[]): void
  warn(...parts: unknown[]): void
  error(...parts: unknown[]): void
}

/** Options by name, as docs/configuration.md lists them, in camelCase or snake_case; null unsets one. */
export interface Config extends Options {
  /** { pattern: settings }, each as a call of room(). */
  rooms?: Record<string, RoomSettings> | null
  /** A replacer of JSON.stringify(), for values that JSON has no word for. */
  encoder?: ((this: any, key: string, value: any) => unknown) | null
}

type Handled = unknown

/** How a handler is called. */
export interface HandlerOptions {
  /** true: nobody waits for it. Otherwise the handlers of one client run one after the other. */
  concurrent?: boolean
  /** It takes the place of the handler of the same kind and name: for modules that run again while one develops. */
  name?: string
}
/** A validator of the Standard Schema kind (standardschema.dev), as zod, valibot and arktype make them. */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (
      value: unknown,
    ) =>
      | { readonly value: Output; readonly issues?: undefined }
      | { readonly issues: readonly SchemaIssue[] }
      | Promise<{ readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}
export interface SchemaIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}
type Remove = () => void
/** The data of an event of the catalogue; of any other event anything that JSON can say. */
type DataOf<T extends string> = T extends keyof EventData ? EventData[T] : unknown

/** One runtime and everything that an application does with it. The first call that needs the runtime starts it. */
export declare class WebSocketManager {
  constructor(options?: Config)
  /** Where the package logs; warnings and errors go to the console at first. */
  logger: Logger

  /** Sets options, before the runtime starts. ConfigError. */
  configure(options: Config): void
  /** Adds an endpoint, or replaces the one of the same path. `{name}` in the path stands for one segment. */
  endpoint(path: string, options?: EndpointOptions): void
  /** Removes an endpoint; connections to it stay. NotFound. */
  removeEndpoint(path: string): void
  remove_endpoint: WebSocketManager['removeEndpoint']

  /** Says something about all rooms whose names match: a name, a beginning and '*', or '*'. InvalidRoom, InvalidArgument, StoreNotConfigured. */
  room(pattern: string, settings: RoomSettings): void

  readonly running: boolean
  /** The port of its own that it listens on, 0 when it has none. */
  readonly port: number
  /** Starts the runtime; nothing happens if it runs. AddressInUse, SystemCallFailed, ConfigError. */
  start(): void
  /** Starts the runtime with a port of its own (any free one by default) and says which. */
  listen(options?: { port?: number; host?: string; signals?: boolean }): Promise<number>
  /** Whether new connections are refused: after drain(), or while it stops. */
  readonly draining: boolean
  /** Refuses new connections from now on, with 503 and Retry-After; those that are there stay until stop(). */
  drain(): void
  /** Closes every connection with 1001, in waves, in at most `deadline` seconds, and ends the thread. */
  stop(deadline?: number): Promise<void>

  /** Sends an event of any type in the envelope of the catalogue's. What is no option stands at the top of the message. */
  notify<T extends string, D extends DataOf<T>>(
    type: T,
    data?: D,
    options?: SendOptions & Record<string, unknown>,
  ): Receipt
  /** Sends an event to the room `project:<id>`; without data, the second argument is the whole message. */
  sendToProject<T extends string, D extends DataOf<T>>(projectId: Ids, type: T, data: D, options?: SendOptions): Receipt
  sendToProject(projectId: Ids, message: Message, data?: undefined, options?: SendOptions): Receipt
  send_to_project: WebSocketManager['sendToProject']
  /** Sends to all connections that are in the room of all. */
  broadcast(message: Message, options?: SendOptions | string | readonly string[]): Receipt
  /** Sends to a room, or to each of several (with one message id). */
  sendToRoom(room: string | readonly string[], message: Message, options?: SendOptions): Receipt
  send_to_room: WebSocketManager['sendToRoom']
  /** Another word for sendToRoom(). */
  publishToChannel(channel: string | readonly string[], message: Message, options?: SendOptions): Receipt
  publish_to_channel: WebSocketManager['publishToChannel']
  /** Sends to every connection of a user. */
  sendToUser(userId: Ids, message: Message, options?: SendOptions): Receipt
  send_to_user: WebSocketManager['sendToUser']
  /** sendToUser() the other way round. */
  sendPersonalMessage(message: Message, userId: Ids, options?: SendOptions): Receipt
  send_personal_message: WebSocketManager['sendPersonalMessage']
  /** Sends to every connection of a session (the tabs of one browser, say). */
  sendToSession(sessionId: Ids, message: Message, options?: SendOptions): Receipt
  send_to_session: WebSocketManager['sendToSession']
  /** Sends to one connection. */
  sendToClient(clientId: Ids, message: Message, options?: SendOptions): Receipt
  send_to_client: WebSocketManager['sendToClient']

  /** What GET /api/ws/stats answers. */
  stats(): Promise<Record<string, unknown>>
  connections(): Promise<ConnectionRow[]>
  /** How many connections are in a room. */
  subscribers(room: string): Promise<number>
  /** limit: ids of each kind, at most 1000 (0: only the numbers). after: `next` of the page before. */
  presence(room: string, options?: { limit?: number; after?: string }): Promise<Presence>
  /** limit: the newest so many. since and epoch: those after that position. */
  history(room: string, options?: { limit?: number; since?: number; epoch?: string }): Promise<History>
  /** Where a room stands: what a page rendered now has to resume from. */
  position(room: string): Promise<Position>
  /** Figures in the text format of Prometheus. */
  metrics(): Promise<string>

  /** Every connection of a user, now and later, joins a room. InvalidRoom. */
  subscribe(userId: Id, channel: string): void
  unsubscribe(userId: Id, channel: string): void
  /** Closes a connection. */
  disconnect(client: string | Connection, options?: Partial<Ending>): void
  /** Closes every connection of a user. */
  disconnectUser(userId: Id, options?: Partial<Ending>): void
  disconnect_user: WebSocketManager['disconnectUser']

  /** Turns away every connection from an IP address (of IPv6: its /64 network) for a time (an hour). InvalidArgument. */
  ban(ip: string, options?: { seconds?: number; reason?: string }): void
  unban(ip: string): void
  bans(): Promise<Ban[]>
  /** Closes the connections of a token or user with 4401, and refuses such tokens from now on. Times: Date or Unix ms. */
  revoke(what: { jti?: string; userId?: Id; before?: Date | number; until?: Date | number }): void
  /** Takes a revocation back. NotFound. */
  unrevoke(what: { jti?: string; userId?: Id }): void
  revocations(): Revocation[]
  /** Exchanges the keys that tokens are checked with, while the runtime runs; without, their files are read again. */
  reloadKeys(keys?: { jwtSecret?: string | readonly string[]; jwtPublicKey?: string | readonly string[] }): void
  reload_keys: WebSocketManager['reloadKeys']

  /**
   * Calls `handler` after each greeting. All of these return a function that removes the handler. The handlers of one client run one
   * after the other: onConnect, its messages and commands in their order, onDisconnect.
   */
  onConnect(handler: (connection: Connection) => Handled, options?: HandlerOptions): Remove
  on_connect: WebSocketManager['onConnect']
  onDisconnect(
    handler: (connection: Connection, code: number, reason: string) => Handled,
    options?: HandlerOptions,
  ): Remove
  on_disconnect: WebSocketManager['onDisconnect']
  /**
   * What no action matches: parsed JSON objects and arrays, other text as it is, a Buffer for a binary message. With a schema, what
   * does not fit is answered with the error `bad_request`, and the handler gets what the schema makes of the rest.
   */
  onMessage(handler: (connection: Connection, message: any) => Handled, options?: HandlerOptions): Remove
  onMessage<Output>(
    schema: Schema<Output>,
    handler: (connection: Connection, message: Output) => Handled,
    options?: HandlerOptions,
  ): Remove
  on_message: WebSocketManager['onMessage']
  /** Answers {"action": action}: the value goes back as `reply`. With a schema, its data is checked as above. */
  onCommand(
    action: string,
    handler: (connection: Connection, data: any) => Handled,
    options?: Omit<HandlerOptions, 'name'>,
  ): Remove
  onCommand<Output>(
    action: string,
    schema: Schema<Output>,
    handler: (connection: Connection, data: Output) => Handled,
    options?: Omit<HandlerOptions, 'name'>,
  ): Remove
  on_command: WebSocketManager['onCommand']
  /** Says who a client is, where it brings no token. An error with `status` 401 or 403 refuses. */
  authenticate(handler: (request: Request) => Decision | Promise<Decision>): void
  /** Allows subscribe, publish, history and presence. */
  authorize(handler: (connection: Connection, action: string, room: string) => unknown): void

  /** Same port: takes the upgrades that match an endpoint; all else is the server's, as before. TypeError for options that are none. */
  attach(server: HttpServer | HttpsServer, options?: AttachOptions): Promise<void>
  detach(server: HttpServer | HttpsServer): void
  /**
   * Gives a socket to the runtime, with what the application has decided, or a function that decides. Resolves when the client has gone.
   * With a function the socket is watched while it decides. Nothing that was decided throws: what is wrong with it refuses the client, and
   * the log says why.
   */
  handOver(req: IncomingMessage, socket: Duplex, head: Buffer | null, admission?: Admission): Promise<Ending>
  handOver(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer | null,
    check: (req: IncomingMessage) => Decision | Promise<Decision>,
    options?: HandOverOptions,
  ): Promise<Ending>
  hand_over: WebSocketManager['handOver']
  /** Sends what the console is given to the room `logs`, too. Returns a function that ends it. */
  captureConsole(options?: {
    level?: Level
    source?: string
    console?: Pick<Console, 'debug' | 'log' | 'info' | 'warn' | 'error'>
  }): Remove
  capture_console: WebSocketManager['captureConsole']
  /** A destination for pino.multistream() that sends each record to the room `logs`. */
  pinoStream(options?: { level?: Level; source?: string }): { write(line: string): void }
  pino_stream: WebSocketManager['pinoStream']
  /** The REST calls, for node:http, Express and Connect. */
  readonly restHandler: (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => Promise<void>
  /** The same as one user, or as whom a function of the request finds out; null refuses with 403. TypeError without either. */
  rest<Req extends IncomingMessage = IncomingMessage>(
    req: Req,
    res: ServerResponse,
    identity: Identity | ((req: Req) => Decision | Promise<Decision>),
    next?: (error?: unknown) => void,
  ): Promise<void>
  /**
   * The admin panel alone, for node:http, Express and Connect, behind a check of the application's own: for requests of which that
   * returns something true (or a promise of it). To be used before `restHandler`. The option `admin` need not be set, and no API
   * key is asked for. TypeError without a check.
   */
  readonly adminHandler: <Req extends IncomingMessage = IncomingMessage>(
    check: (req: Req) => unknown,
  ) => (req: Req, res: ServerResponse, next?: (error?: unknown) => void) => Promise<void>
  /** The REST calls as a plugin for Fastify. `admin`: a check of the application's own, as for `adminHandler`; `identify`: who calls. */
  readonly fastifyPlugin: (
    fastify: any,
    options?: { admin?: (request: any) => unknown; identify?: (request: any) => Decision | Promise<Decision> },
  ) => Promise<void>
  /**
   * The REST calls for route handlers of fetch's kind. `ip`: of the client, where it is known. `admin`: true once the application
   * has found out that the client may use the admin panel. An identity: who calls.
   */
  readonly fetch: (
    request: globalThis.Request,
    options?: { ip?: string; path?: string; admin?: boolean } & Identity,
  ) => Promise<globalThis.Response>
}
export interface WebSocketManager extends EventMethods {}

/** The process's default manager. */
export declare const wsManager: WebSocketManager
export declare const ws_manager: WebSocketManager
export declare const connectionManager: WebSocketManager
export declare const connection_manager: WebSocketManager
export declare const adminHandler: WebSocketManager['adminHandler']
export declare const restHandler: WebSocketManager['restHandler']
export declare const fastifyPlugin: WebSocketManager['fastifyPlugin']
export declare const version: string
