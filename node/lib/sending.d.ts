// What the sending calls take and give.
export type Level = 'debug' | 'info' | 'success' | 'warning' | 'error' | 'critical'
export type Priority = 'critical' | 'normal' | 'low'
/** Ids may be numbers: their text is taken. */
export type Id = string | number | bigint
export type Ids = Id | readonly Id[] | ReadonlySet<Id>
/** A message that is sent as it is: an object becomes JSON, a string text, bytes a binary message. */
export type Message = object | string | number | boolean | null | ArrayBuffer | ArrayBufferView

/** Options of the sending calls. */
export interface SendOptions {
  /** Publish there instead of where the event or call would; several rooms get one publication each. */
  room?: string | readonly string[]
  /** What goes first where a client can't take all. */
  priority?: Priority
  /** A key: only the newest message of a key is worth sending. */
  conflate?: string
  /** Messages per second and key. */
  maxRate?: number
  /** false: do not keep it; it gets no offset. */
  history?: boolean
  /** For rooms whose members ask for a level. */
  level?: Level
  /** User or client ids that do not get it. */
  exclude?: Ids
  /** true: Receipt.report() tells what became of each delivery. */
  report?: boolean
  /** An id, up to 128 bytes: a second message with it to the same room within 5 minutes is not sent. */
  once?: Id
}
/** SendOptions without `level`, which these events take from their data. */
export type LevelFieldOptions = Omit<SendOptions, 'level'>

/** What an awaited Receipt gives. */
export interface Delivery {
  /** Connections that the message was queued for. */
  recipients: number
  /** Where it was published; '' if there were several rooms. */
  room: string
  /** Its position; '' and 0 where the room keeps no history, or there were several rooms. */
  epoch: string
  offset: number
  messageId: string
  /** It was held back by maxRate, and a newer message of its key took its place. */
  superseded: boolean
  /** It is in the file of its room (room(…, { store: 'disk' })); of several rooms, of one at least. */
  stored: boolean
  /**
   * Its `once` was published there before: epoch and offset are those of the first, nothing was sent, and messageId is ''. Of several
   * rooms, in one at least.
   */
  duplicate: boolean
}

/** What became of the deliveries of one call: one for each connection that its message was for. */
export interface DeliveryReport {
  /** How many; the sum of all the others. */
  deliveries: number
  /** Handed to the operating system, or, with TLS of Node's, to the bridge. */
  written: number
  /** A newer message of the same key took its place while it waited. */
  conflated: number
  /** The connection ended or left the room first, its queue was full, or history moved on. */
  dropped: number
  /** The client reads slowly, and will be sent it from history. */
  lagging: number
  /** Waits in the queue of its connection. */
  pending: number
  /** Nothing is lagging or pending, so this is final. */
  settled: boolean
}

/** What became of one publication. It may be ignored, awaited, or chained like a promise; ignored, it never rejects. */
export declare class Receipt implements PromiseLike<Delivery> {
  private constructor()
  /** Whether the runtime has handled the publication. */
  done(): boolean
  /** The outcome, undefined while it is pending. Throws what an awaited receipt rejects with. */
  delivery(): Delivery | undefined
  /**
   * What became of each delivery, once that is settled, or as it is after `timeout` seconds (default 5, null for no limit). Rejects
   * with InvalidArgument for a message that was sent without `report: true`.
   */
  report(options?: { timeout?: number | null }): Promise<DeliveryReport>
  then<A = Delivery, B = never>(
    fulfilled?: ((delivery: Delivery) => A | PromiseLike<A>) | null,
    rejected?: ((error: WsManagerError) => B | PromiseLike<B>) | null,
  ): Promise<A | B>
  catch<B = never>(rejected?: ((error: WsManagerError) => B | PromiseLike<B>) | null): Promise<Delivery | B>
  finally(settled?: (() => void) | null): Promise<Delivery>
  readonly [Symbol.toStringTag]: string
}

/** The parent of all errors of this package; `code` says which, as docs/node.md lists them. */
export declare class WsManagerError extends Error {
  constructor(message: string, code?: string)
  readonly code: string
}
export declare class AddressInUse extends WsManagerError {}
export declare class ConfigError extends WsManagerError {}
export declare class Forked extends WsManagerError {}
export declare class InvalidArgument extends WsManagerError {}
export declare class InvalidJSON extends WsManagerError {}
export declare class InvalidRoom extends WsManagerError {}
export declare class MessageTooLarge extends WsManagerError {}
export declare class NotFound extends WsManagerError {}
export declare class NotRunning extends WsManagerError {}
export declare class OutOfMemory extends WsManagerError {}
export declare class Overloaded extends WsManagerError {}
export declare class QueryTimeout extends WsManagerError {}
export declare class Refused extends WsManagerError {}
export declare class StoreLocked extends WsManagerError {}
export declare class StoreNotConfigured extends WsManagerError {}
export declare class SystemCallFailed extends WsManagerError {}
export declare class Unavailable extends WsManagerError {}
