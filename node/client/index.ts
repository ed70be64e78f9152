export { Client, createClient } from './client.js'
// All of it, and not by name: only so can an application add to EventMap.
export type * from './events.js'
export type { HistoryPage, SubscribeOptions, Subscription } from './follower.js'
export type { Position } from './positions.js'
export type { RequestOptions } from './requests.js'
export { WebSocketService } from './service.js'
export {
  WsClientError,
  type ClientOptions,
  type DataOf,
  type EventName,
  type Gap,
  type Handler,
  type Message,
  type MessageOf,
  type Place,
  type PollOptions,
  type Publisher,
  type QueuePolicy,
  type Status,
} from './types.js'
