// What the types of ws_manager/react must accept and refuse.
import type { ReactNode } from 'react'
import {
  ConnectionStatus,
  LogStream,
  NotificationCenter,
  PipelineMonitor,
  ProcessingStatus,
  WebSocketProvider,
  useProcessingState,
  useRoom,
  useWebSocket,
  useWebSocketContext,
} from 'ws_manager/react'
import { EventToasts, useToast } from 'ws_manager/react/toasts'
import 'ws_manager/react/styles.css'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(..._: Same<A, B> extends true ? [] : ['these are not the same type']): void {}

declare module 'ws_manager/client' {
  interface EventMap {
    invoice_sent: { invoice_id: string }
  }
}

export function Page({ room }: { room: string | null }): ReactNode {
  const api = useWebSocket(
    {
      url: '/ws',
      maxReconnectAttempts: 3,
      onPipelineUpdate: (data, message) => {
        same<typeof data.status, string>()
        same<typeof message.type, 'pipeline_update'>()
      },
      onPipelineError: (data) => same<typeof data.error_message, string>(),
      onPipelineErrorUpdate: (data) => same<typeof data.error_message, string>(),
      onLogEntry: (data: { level: 'info' | 'error'; message: string }) => void data,
      onInvoiceSent: (data) => same<typeof data.invoice_id, string>(),
      onOrderPaid: (data) => same<typeof data.amount, number>(), // client.ts has declared it
      onWhatever: (data) => same<typeof data, any>(),
      onMessage: (message) => same<typeof message.type, string>(),
      onGap: (gap) => same<typeof gap.missed, number>(),
    },
    {
      processing_progress: (event) => same<typeof event.progress, number>(),
      story_moved: ({ data }) => same<typeof data.story_id, string>(),
      sensor_read: (event) => same<typeof event.celsius, number>(),
      of_my_own: (event) => same<typeof event, any>(),
    },
  )
  // @ts-expect-error no such option
  useWebSocket({ urll: '/ws' })
  // @ts-expect-error not a function
  useWebSocket({ onPipelineUpdate: 'log' })
  // @ts-expect-error the data is no text
  useWebSocket({ onPipelineUpdate: (data: string) => void data })
  // @ts-expect-error a handler is a function
  useWebSocket({}, { pipeline_update: 1 })

  useRoom(room, { story_created: ({ data }) => same<typeof data.title, string>() })
  useRoom(room, (message) => void message.data.anything)
  api.onPipelineStatusUpdate((data) => same<typeof data.pipeline_id, string>())
  api.on('job_failed', ({ data }) => same<typeof data.job_id, string>())
  same<typeof api.readyState, 0 | 1 | 3>()
  const { systemStatus } = useWebSocketContext()
  const state = useProcessingState('i1')
  same<NonNullable<typeof state>['progress'], number>()
  const toast = useToast()
  return (
    <WebSocketProvider wsUrl="/ws" sessionId="s">
      <ConnectionStatus />
      <NotificationCenter onAction={(notification) => toast.info(notification.title)} />
      <PipelineMonitor pipelineId="7" />
      <ProcessingStatus imageId="i1" progress={75.5} onCancel={() => {}} />
      <LogStream room="logs" height="20rem" />
      <EventToasts
        events={{ story_created: ({ data }) => ({ kind: 'info', title: data.title }), notification: null }}
      />
      {/* @ts-expect-error which pipeline? */}
      <PipelineMonitor />
      {systemStatus?.queue_length} {state?.currentStep}
    </WebSocketProvider>
  )
}
