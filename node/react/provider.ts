'use client'
// One connection for a tree of components.

import { createElement, useContext, useMemo, type ReactNode } from 'react'
import type { Client, ClientOptions, Status } from '../client/index.js'
import { ClientContext, useOwnClient, useWebSocket, type WebSocketApi } from './hooks.js'
import { useSystemStatus, type SystemStatus } from './processing.js'

export interface WebSocketProviderProps extends Omit<Partial<ClientOptions>, 'url'> {
  /** `ws://…`, `http(s)://…` or a path; `/ws` of the page's host if not given. */
  wsUrl?: string
  /** One that the application has made, and ends: for code outside of React that uses the same connection. Other options are its own. */
  client?: Client
  children?: ReactNode
}

export function WebSocketProvider({ wsUrl = '/ws', client, children, ...options }: WebSocketProviderProps): ReactNode {
  const own = useOwnClient(client ? null : { ...options, url: wsUrl })
  return createElement(ClientContext.Provider, { value: client ?? own }, children)
}

export interface WebSocketContextValue extends WebSocketApi {
  status: Status
  systemStatus: SystemStatus | null
}

/** The provider's connection, and the last `system_status`. */
export function useWebSocketContext(): WebSocketContextValue {
  if (!useContext(ClientContext))
    throw new Error('useWebSocketContext() is used outside of a <WebSocketProvider>: put one around the component')
  const api = useWebSocket()
  const systemStatus = useSystemStatus()
  return useMemo(
    () =>
      Object.defineProperties({} as WebSocketContextValue, {
        ...Object.getOwnPropertyDescriptors(api),
        systemStatus: { enumerable: true, value: systemStatus },
      }),
    [api, systemStatus],
  )
}
