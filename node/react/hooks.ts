'use client'
// Hooks. State is read by useSyncExternalStore alone; a component renders again only for what it has read.

import { createContext, useContext, useEffect, useInsertionEffect, useMemo, useRef } from 'react'
import type {
  Client,
  ClientOptions,
  DataOf,
  EventMap,
  EventName,
  Gap,
  Handler,
  Message,
  MessageOf,
  Position,
  RequestOptions,
  Status,
  Subscription,
  SubscribeOptions,
} from '../client/index.js'
import { safely } from '../client/messages.js'
import { callbacksOf, type CallbackOf } from './names.js'
import { clientOf, hold, identityOf, renew } from './registry.js'
import { useTracked, type Snapshot } from './tracked.js'

export const ClientContext = createContext<Client | null>(null)

/** The latest value, for functions that never change: a new callback is used from the next message on. */
export function useLatest<T>(value: T): { readonly current: T } {
  const ref = useRef(value)
  useInsertionEffect(() => {
    ref.current = value
  })
  return ref
}

/** By event name; any name will do, those of EventMap have types. */
type TypedHandlers = { [Name in keyof EventMap]?: Handler<Name> }
export interface Handlers extends TypedHandlers {
  [event: string]: ((event: any) => void) | undefined
}

/** Names come from the network: one that every object has (`constructor`) is no handler's. */
export const handlerOf = (handlers: Handlers, event: string): Handlers[string] =>
  Object.hasOwn(handlers, event) ? handlers[event] : undefined

interface Lifecycle {
  onMessage?: (message: Message) => void
  onOpen?: () => void
  onClose?: () => void
  onReconnect?: () => void
  onGap?: (gap: Gap) => void
}

/** A function of an event's data. A method's parameter: it may say more of the data than the catalogue knows. */
type Callback<Name extends string> = { call(data: DataOf<Name>, message: MessageOf<Name>): void }['call']
type TypedCallbacks = {
  [Name in keyof EventMap as Exclude<CallbackOf<Name>, keyof Lifecycle>]?: Callback<Name>
}

/** Options of the client, and callbacks as `onPipelineUpdate(data, message)`: by the event's name in camel case after `on`. */
export interface UseWebSocketOptions extends Partial<ClientOptions>, Lifecycle, TypedCallbacks {
  [callback: `on${string}`]: ((data: any, message: any) => void) | undefined
}

const LIFECYCLE = new Set<string>([
  'onMessage',
  'onOpen',
  'onClose',
  'onReconnect',
  'onGap',
] satisfies (keyof Lifecycle)[])

/** The client of these options while the component is there; null: of none. */
export function useOwnClient(options: ClientOptions | null): Client | null {
  const client = useMemo(
    () => options && clientOf(options),
    // Functions and other options never cause another connection.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [options && identityOf(options)],
  )
  useInsertionEffect(() => {
    if (client && options) renew(client, options)
  })
  const connect = options?.autoConnect !== false
  useEffect(() => (client ? hold(client, connect) : undefined), [client, connect])
  return client
}

const NONE: UseWebSocketOptions = {}

/** The client of the provider, or of `options.url` (default: `/ws` of the page's host). */
export function useClient(options: UseWebSocketOptions = NONE): Client {
  if (typeof options === 'string')
    throw new TypeError(`useWebSocket() takes options: useWebSocket({ url: '${options}' })`)
  const provided = useContext(ClientContext)
  const url = options.url ?? (provided ? undefined : '/ws')
  const own = useOwnClient(url === undefined ? null : { ...(options as ClientOptions), url })
  return (own ?? provided) as Client
}

export interface WebSocketApi extends Snapshot {
  client: Client
  /** The same as `status`. */
  connectionStatus: Status
  /** As of the browser's WebSocket: 0 connecting, 1 open, 3 closed. */
  readyState: 0 | 1 | 3
  lastJsonMessage: Message | null
  connect(): void
  disconnect(): void
  reconnect(): void
  send(action: string, data?: object): void
  sendJsonMessage(message: { action: string; [member: string]: unknown }): void
  request<Answer = any>(action: string, data?: object, options?: RequestOptions): Promise<Answer>
  subscribe(room: string, callback: (data: any, message: Message) => void, options?: SubscribeOptions): () => void
  on<Name extends EventName>(event: Name, handler: Handler<Name & string>): () => void
  onReconnect(callback: () => void): () => void
  onPipelineStatusUpdate: OnData<'pipeline_status_update'>
  onPipelineFrameUpdate: OnData<'pipeline_frame_update'>
  onPipelineError: OnData<'pipeline_error_update'>
  onPipelineAnalytics: OnData<'pipeline_analytics_update'>
}

/**
 * Says what to do with an event's data; returns the end of that. Where a member may be null or not there, its type says
 * only that it may not be there, as those do with which such callbacks have been written.
 */
type OnData<Name extends string> = (callback: (data: WithoutNull<DataOf<Name>>) => void) => () => void
type WithoutNull<T> = T extends object ? { [Member in keyof T]: WithoutNull<Exclude<T[Member], null>> } : T

/** Functions of a client that never change for it. */
function actionsOf(client: Client) {
  const data =
    <Name extends string>(event: Name): OnData<Name> =>
    (callback) =>
      client.on(event, (message) => callback(message.data))
  return {
    client,
    connect: () => client.connect(),
    disconnect: () => client.disconnect(),
    reconnect: () => client.reconnect(),
    send: (action: string, body?: object) => client.send(action, body),
    sendJsonMessage: ({ action, ...body }: { action: string }) => client.send(action, body),
    request: <Answer>(action: string, body?: object, options?: RequestOptions) =>
      client.request<Answer>(action, body, options),
    subscribe: (room: string, callback: (data: any, message: Message) => void, options?: SubscribeOptions) => {
      const subscription: Subscription = client.subscribe(room, (message) => callback(message.data, message), options)
      return () => subscription.unsubscribe()
    },
    on: <Name extends EventName>(event: Name, handler: Handler<Name & string>) => client.on(event, handler),
    onReconnect: (callback: () => void) => client.onReconnect(callback),
    onPipelineStatusUpdate: data('pipeline_status_update'),
    onPipelineFrameUpdate: data('pipeline_frame_update'),
    onPipelineError: data('pipeline_error_update'),
    onPipelineAnalytics: data('pipeline_analytics_update'),
  }
}

/**
 * The connection of the provider, or of `options.url`.
 *
 * handlers: by event name; each gets the message. Neither they nor callbacks among the options ever cause a reconnection.
 */
export function useWebSocket(options: UseWebSocketOptions = {}, handlers: Handlers = {}): WebSocketApi {
  const client = useClient(options)
  const snapshot = useTracked(client)
  const latest = useLatest({ options, handlers })

  useEffect(() => {
    const { current } = { current: latest }
    let connected = client.isConnected
    const off = [
      client.on('*', (message) => {
        const { options: now, handlers: by } = current.current
        // One that throws is reported, and costs the others nothing.
        safely(() => now.onMessage?.(message), null)
        safely(() => handlerOf(by, message.type)?.(message), null)
        for (const name of callbacksOf(message.type))
          if (!LIFECYCLE.has(name)) safely(() => now[name]?.(message.data, message), null)
      }),
      client.onGap((gap) => current.current.options.onGap?.(gap)),
      client.onReconnect(() => current.current.options.onReconnect?.()),
      client.onChange(() => {
        if (client.isConnected === connected) return
        connected = client.isConnected
        if (connected) current.current.options.onOpen?.()
        else current.current.options.onClose?.()
      }),
    ]
    return () => off.forEach((end) => end())
  }, [client, latest])

  const actions = useMemo(() => actionsOf(client), [client])
  return useMemo(
    () =>
      Object.defineProperties(
        { ...actions },
        {
          ...Object.getOwnPropertyDescriptors(snapshot),
          connectionStatus: { enumerable: true, get: () => snapshot.status },
          lastJsonMessage: { enumerable: true, get: () => snapshot.lastMessage },
          readyState: {
            enumerable: true,
            get: () =>
              snapshot.status === 'connected'
                ? 1
                : snapshot.status === 'disconnected' || snapshot.status === 'failed'
                  ? 3
                  : 0,
          },
        },
      ) as unknown as WebSocketApi,
    [actions, snapshot],
  )
}

/** Hears an event while the component is there. It never renders it, and a new handler is used from the next message on. */
export function useEvent<Name extends EventName>(event: Name, handler: Handler<Name & string>): void {
  const client = useClient()
  const latest = useLatest(handler)
  useEffect(() => client.on(event, (message) => latest.current(message)), [client, event, latest])
}
