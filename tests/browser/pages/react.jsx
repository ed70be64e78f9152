// A page that uses the package as applications do: StrictMode, a provider, hooks, components. Steered by functions of `window`.
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { ConnectionStatus, LogStream, WebSocketProvider, useRoom, useWebSocket } from 'ws_manager/react'

const ask = new URLSearchParams(location.search)
const heard = { tick: [], room: [], log_message: [] }
const renders = { status: 0, quiet: 0 }
Object.assign(window, { heard, renders })

function Ticks() {
    const { status } = useWebSocket({}, { tick: ({ data }) => heard.tick.push(data.n) })
    useRoom('board:1', ({ data }) => heard.room.push(data.n))
    renders.status++
    return <output id="status">{status}</output>
}

/** Reads nothing of the connection's state: no message may render it again. */
function Quiet() {
    useWebSocket({}, { log_message: ({ data }) => heard.log_message.push(data.n) })
    renders.quiet++
    return null
}

function Page() {
    const [round, setRound] = useState(0)
    const [shown, setShown] = useState(true)
    window.remount = () => setRound((n) => n + 1)
    window.show = setShown
    if (!shown) return <p>Nothing here.</p>
    return (
        <WebSocketProvider wsUrl={ask.get('ws') ?? '/ws/project/7'} minReconnectDelay={100} maxReconnectDelay={1000}>
            <ConnectionStatus />
            <Ticks key={`ticks ${round}`} />
            <Quiet key={`quiet ${round}`} />
            {ask.has('logs') && <LogStream history={0} />}
        </WebSocketProvider>
    )
}

// What a reader of the page would notice: pauses of the main thread, and the time from one frame to the next.
const pace = { tasks: [], frames: [] }
window.pace = pace
new PerformanceObserver((list) => pace.tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({
    type: 'longtask',
})
let last = performance.now()
requestAnimationFrame(function frame(now) {
    pace.frames.push(now - last)
    last = now
    requestAnimationFrame(frame)
})

window.persisted = []
addEventListener('pageshow', (event) => window.persisted.push(event.persisted))
createRoot(document.getElementById('root')).render(
    <StrictMode>
        <Page />
    </StrictMode>,
)
