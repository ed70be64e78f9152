// Every component with something to show, without a server.
import {
    ConnectionStatus,
    LogStream,
    NotificationCenter,
    PipelineMonitor,
    ProcessingStatus,
    WebSocketProvider,
} from 'ws_manager/react'
import { EventToasts, useToast } from 'ws_manager/react/toasts'

const time = (i) => new Date(Date.UTC(2026, 0, 15, 10, 30, i)).toISOString()
const LEVELS = ['debug', 'info', 'success', 'warning', 'error', 'critical']
const lines = LEVELS.map((level, i) => ({
    id: level,
    time: time(i),
    level,
    source: 'CI',
    message: `A line of ${level}`,
}))
const notifications = ['error', 'warning', 'success', 'info'].map((type, i) => ({
    id: type,
    type,
    title: `Something of type ${type}`,
    message: 'What happened, in a sentence or two, so that it needs more than one line where there is little room.',
    read: i > 1,
    created_at: time(i),
    action: { type: 'open', label: 'Open' },
}))
const history = Array.from({ length: 60 }, (_, i) => 24 + 4 * Math.sin(i / 4))
const state = { status: 'running', fps: 24.6, frameId: 1234, detections: 7, frameTime: 38, history }

function Toast() {
    const toast = useToast()
    const show = () => {
        toast.error('Gate failed', 'The camera does not answer', {
            duration: 0,
            action: { label: 'Restart', onClick() {} },
        })
        toast.success('Saved', 'Nothing was lost', { duration: 0 })
    }
    return <button onClick={show}>Toasts</button>
}

export function All() {
    return (
        <WebSocketProvider wsUrl="ws://127.0.0.1:9/ws" autoConnect={false}>
            <header style={{ display: 'flex', justifyContent: 'space-between', gap: 16, padding: 16 }}>
                <ConnectionStatus />
                <Toast />
                <NotificationCenter initial={notifications} onAction={() => {}} />
            </header>
            <div
                style={{
                    display: 'grid',
                    gap: 16,
                    padding: 16,
                    gridTemplateColumns: 'repeat(auto-fit, minmax(min(20rem, 100%), 1fr))',
                }}
            >
                <PipelineMonitor
                    pipelineId="7"
                    name="Gate"
                    about="A running pipeline"
                    state={state}
                    onStart={() => {}}
                    onStop={() => {}}
                    onRestart={() => {}}
                />
                <PipelineMonitor
                    pipelineId="8"
                    name="Yard"
                    state={{ status: 'error', error: 'The camera does not answer' }}
                    onStart={() => {}}
                    onRestart={() => {}}
                />
                <ProcessingStatus
                    imageId="i1"
                    algorithm="segmentation_3d"
                    progress={45}
                    currentStep="Computing metrics"
                    etaSeconds={65}
                    gpuUtilization={78}
                    onCancel={() => {}}
                />
                <ProcessingStatus imageId="i2" />
            </div>
            <div style={{ padding: 16 }}>
                <LogStream room={null} initial={lines} height="12rem" />
            </div>
            <EventToasts />
        </WebSocketProvider>
    )
}
