export type { ClientOptions, Gap, Handler, Message, MessageOf, Position, Status } from '../client/index.js'
export { useEvent, useWebSocket, type Handlers, type UseWebSocketOptions, type WebSocketApi } from './hooks.js'
export { useRoom, useRoomState } from './room.js'
export {
  useAllProcessingStates,
  useHasActiveProcessing,
  useProcessingState,
  useSystemStatus,
  type ProcessingState,
  type SystemStatus,
} from './processing.js'
export {
  WebSocketProvider,
  useWebSocketContext,
  type WebSocketContextValue,
  type WebSocketProviderProps,
} from './provider.js'
export { ConnectionStatus, type ConnectionStatusProps } from './status.js'
export { ProcessingStatus, type ProcessingStatusProps } from './processing-status.js'
export {
  PipelineMonitor,
  Sparkline,
  usePipeline,
  type PipelineFigure,
  type PipelineMonitorProps,
  type PipelineState,
} from './pipeline-monitor.js'
// Not by way of a 'use client' file: server components read it, too.
export { LOG_LEVELS, type LogEntry, type LogLevel } from './log-lines.js'
export { LogStream, type LogStreamProps } from './log-stream.js'
export {
  NotificationCenter,
  useNotifications,
  type Notification,
  type NotificationCenterProps,
  type UseNotificationsOptions,
} from './notifications.js'
