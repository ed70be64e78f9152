// Image analysis: provider, hooks, progress and toasts. Only the imports were changed.
import { type ReactNode } from 'react'
import {
  ProcessingStatus,
  WebSocketProvider,
  useAllProcessingStates,
  useHasActiveProcessing,
  useProcessingState,
  useWebSocket,
  useWebSocketContext,
} from 'ws_manager/react'
import { EventToasts, useToast } from 'ws_manager/react/toasts'

export interface Seen {
  log(text: string): void
  alert(text: string): void
  updateProgressBar(progress: number): void
  showResults(resultId: string): void
  handleError(error: string): void
  navigate(path: string): void
  retryAnalysis(): void
}

const generateSessionId = () => `session-${Math.random()}`

export function App({ children }: { children?: ReactNode }) {
  const sessionId = localStorage.getItem('session_id') || generateSessionId()
  return (
    <WebSocketProvider wsUrl="ws://localhost:8000/ws" sessionId={sessionId}>
      {children}
      <EventToasts />
    </WebSocketProvider>
  )
}

export function Analysis({ seen }: { seen: Seen }) {
  const { status, isConnected, send, reconnect } = useWebSocket(
    {
      url: 'ws://localhost:8000/ws',
      sessionId: 'user-session-123',
      reconnect: true,
      maxReconnectAttempts: 10,
    },
    {
      processing_progress: (event) => {
        seen.log(`Progress: ${event.progress}%`)
      },
      processing_complete: (_event) => {
        seen.alert('Analysis complete!')
      },
    },
  )
  const cancelAnalysis = () => send('cancel_analysis', { image_id: 'abc123' })
  return (
    <>
      <button onClick={isConnected ? cancelAnalysis : reconnect}>{status}</button>
      <ProcessingStatus
        imageId="abc123"
        progress={75.5}
        currentStep="Computing object metrics"
        etaSeconds={2.3}
        algorithm="segmentation_3d"
        gpuUtilization={78.5}
        onCancel={() => cancelAnalysis()}
      />
    </>
  )
}

export function Handlers({ seen }: { seen: Seen }) {
  useWebSocket(
    { url: 'ws://localhost:8000/ws' },
    {
      processing_started: (event) => {
        seen.log(`Started: ${event.algorithm}`)
      },
      processing_progress: (event) => {
        seen.updateProgressBar(event.progress)
      },
      processing_complete: (event) => {
        seen.showResults(event.result_id)
      },
      processing_failed: (event) => {
        seen.handleError(event.error)
      },
    },
  )
  return null
}

export function Toasts({ seen, resultId, error }: { seen: Seen; resultId: string; error: Error }) {
  const toast = useToast()
  const show = () => {
    toast.success('Analysis Complete', 'Processing finished in 4.8s', {
      duration: 5000,
      action: {
        label: 'View Results',
        onClick: () => seen.navigate(`/results/${resultId}`),
      },
    })
    toast.error('Analysis Failed', error.message, {
      duration: 0,
      action: {
        label: 'Retry',
        onClick: () => seen.retryAnalysis(),
      },
    })
  }
  return <button onClick={show}>Toasts</button>
}

export function Dashboard({ imageId }: { imageId: string }) {
  const state = useProcessingState(imageId)
  const hasActive = useHasActiveProcessing()
  const allStates = useAllProcessingStates()
  const { status, isConnected, clientId, systemStatus } = useWebSocketContext()
  return (
    <p>
      {state?.progress} {String(hasActive)} {allStates.length} {status} {String(isConnected)} {clientId}{' '}
      {systemStatus?.gpu_utilization}
    </p>
  )
}
