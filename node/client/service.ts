// The client for code that hands its token to connect() and wants functions of data: subscribe(channel, data => …).

import { Client } from './client.js'
import type { SubscribeOptions } from './follower.js'
import type { ClientOptions, Message } from './types.js'

export class WebSocketService {
  readonly client: Client
  private token: string | undefined

  /** Options of the client; `url` is `/ws` of the page's host if not given. */
  constructor(options: Partial<ClientOptions> = {}) {
    this.client = new Client({ url: '/ws', getToken: () => this.token, ...options, autoConnect: false })
    this.client.onChange(() => {
      // It will not be taken the next time either; `client.error` says why.
      const { status, error } = this.client
      if (status === 'reconnecting' && this.token && error?.closeCode === 4401) this.client.disconnect()
    })
  }

  /** With another token than before it connects anew. */
  connect(token?: string): void {
    if (token !== this.token) this.client.disconnect()
    this.token = token
    this.client.connect()
  }

  disconnect(): void {
    this.client.disconnect()
  }

  /** Joins a channel (a room), now and after each reconnection. Returns the end of it. */
  subscribe(channel: string, callback: (data: any, message: Message) => void, options?: SubscribeOptions): () => void {
    const subscription = this.client.subscribe(channel, (message) => callback(message.data, message), options)
    return () => subscription.unsubscribe()
  }

  /** A command: members of `data` stand beside its name. */
  send(event: string, data?: object): void {
    this.client.send(event, data)
  }

  /** Calls back whenever there is a connection again. Returns the end of it. */
  onReconnect(callback: () => void): () => void {
    return this.client.onReconnect(callback)
  }
}
