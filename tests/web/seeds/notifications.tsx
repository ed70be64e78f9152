// Notifications through a service in a context of the application's own, and through the provider of this package. What was changed are
// the imports, and `children`, which React's types have not implied since 18.
import { createContext, useContext, useEffect, useState, type FC, type PropsWithChildren } from 'react'
import { WebSocketService } from 'ws_manager/client'
import { useWebSocket as usePackaged } from 'ws_manager/react'

interface Notification {
  id: string
  user_id: string
  type: 'info' | 'success' | 'warning' | 'error'
  title: string
  message: string
  read: boolean
  created_at: Date
  action?: {
    type: string
    payload: any
  }
}

const AuthContext = createContext<{ user: { token: string } | null }>({ user: null })
export const AuthProvider = AuthContext.Provider
const useAuth = () => useContext(AuthContext)

const WebSocketContext = createContext<WebSocketService | null>(null)

export const WebSocketProvider: FC<PropsWithChildren> = ({ children }) => {
  const [service] = useState(() => new WebSocketService())
  const { user } = useAuth()

  useEffect(() => {
    if (user) {
      service.connect(user.token)
      return () => service.disconnect()
    }
  }, [user, service])

  return <WebSocketContext.Provider value={service}>{children}</WebSocketContext.Provider>
}

export const useWebSocket = () => useContext(WebSocketContext)

interface Connection {
  subscribe(channel: string, callback: (data: any) => void): () => void
  send(event: string, data: any): void
  onReconnect(callback: () => void): void
}

const List: FC<{ webSocket: Connection | null }> = ({ webSocket }) => {
  const [notifications, setNotifications] = useState<Notification[]>([])
  const [unreadCount, setUnreadCount] = useState(0)
  const [loaded, setLoaded] = useState(1)

  useEffect(() => {
    const unsubscribe = webSocket?.subscribe('notifications', (data) => {
      setNotifications((old) => [data, ...old])
      setUnreadCount((old) => old + 1)
    })

    return () => {
      if (unsubscribe) unsubscribe()
    }
  }, [webSocket])

  useEffect(() => {
    webSocket?.onReconnect(() => setLoaded((old) => old + 1))
  }, [webSocket])

  return (
    <button onClick={() => webSocket?.send('mark_as_read', { notification_id: notifications[0]?.id })}>
      {unreadCount} {notifications.map(({ title }) => title).join()} loaded {loaded}
    </button>
  )
}

export const OfService: FC = () => <List webSocket={useWebSocket()} />

export const OfPackage: FC = () => {
  const { subscribe, send, onReconnect } = usePackaged()
  const [webSocket] = useState({ subscribe, send, onReconnect })
  return <List webSocket={webSocket} />
}
