export { Client, createClient, type SubscribeOptions, type Subscription } from './client.js'
export type { HistoryPage } from './follower.js'
export type { Position } from './positions.js'
export type { RequestOptions } from './requests.js'
export {
  WsClientError,
  type ClientOptions,
  type DataOf,
  type EventMap,
  type EventName,
  type Gap,
  type Handler,
  type Message,
  type PollOptions,
  type QueuePolicy,
  type Status,
} from './types.js'
