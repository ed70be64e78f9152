// The state of the connection, always in view; behind it, what it has brought, and a way to lose it.

import { useEffect, useId, useRef, useState, useSyncExternalStore, type ReactNode } from 'react'
import { ConnectionStatus, useWebSocket } from 'ws_manager/react'
import { LossySocket, type TrafficMeter } from '../connection'
import { Icon } from './Icon'

export function Connection({ meter }: { meter: TrafficMeter }): ReactNode {
  const { status, clientId, isConnected, connect, disconnect, reconnect } = useWebSocket()
  const traffic = useSyncExternalStore(meter.subscribe, () => meter.current)
  const panel = useId()
  const resumed = useResumed(traffic.connections, isConnected)
  const close = () => document.getElementById(panel)?.hidePopover()
  const said = resumed && (traffic.resumed === null ? 'State reloaded' : `Resumed · ${traffic.resumed} recovered`)
  const facts: [string, string | number][] = [
    ['Client', clientId ?? '–'],
    ['Messages received', traffic.received.toLocaleString('en')],
    ['Recovered after a loss', traffic.recovered.toLocaleString('en')],
    ['Connections', traffic.connections],
    ...[...traffic.positions].map(([room, offset]): [string, string] => [room, `at ${offset.toLocaleString('en')}`]),
  ]
  return (
    <>
      <div className="pill" data-testid="connection" data-state={status}>
        <ConnectionStatus labels={said ? { connected: said } : undefined} />
        <button type="button" className="more" popoverTarget={panel} aria-label="Connection details">
          <Icon name="more" />
        </button>
      </div>
      <div id={panel} className="popover" popover="auto" role="dialog" aria-label="Connection">
        <h2>Connection</h2>
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd data-testid={name === 'Messages received' ? 'received' : undefined}>{value}</dd>
            </div>
          ))}
        </dl>
        <p className="hint">
          Lose the connection to see it come back: the page connects again and is sent what it missed, once each.
        </p>
        <div className="row">
          <button
            type="button"
            className="wsm-button"
            disabled={!isConnected}
            onClick={() => (close(), LossySocket.lose())}
          >
            Drop connection
          </button>
          {isConnected ? (
            <button type="button" className="wsm-button" onClick={() => (close(), disconnect())}>
              Go offline
            </button>
          ) : (
            <button
              type="button"
              className="wsm-button"
              onClick={() => (close(), status === 'disconnected' ? connect() : reconnect())}
            >
              Connect now
            </button>
          )}
        </div>
      </div>
    </>
  )
}

/** For some seconds after a connection has come back. */
function useResumed(connections: number, isConnected: boolean): boolean {
  const [shown, setShown] = useState(false)
  const seen = useRef(connections)
  useEffect(() => {
    if (connections <= 1 || connections === seen.current) return undefined
    seen.current = connections
    setShown(true)
    return undefined
  }, [connections])
  useEffect(() => {
    if (!shown) return undefined
    const timer = setTimeout(() => setShown(false), 8000)
    return () => clearTimeout(timer)
  }, [shown, connections])
  return shown && isConnected
}
