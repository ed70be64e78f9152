// A monitor of computer-vision pipelines as applications have it, with a hook of their own. Only the import was changed.
import { useEffect, useState } from 'react'
import { useWebSocket } from 'ws_manager/react'

interface ExecutionStats {
  frames_processed: number
  errors: number
}
interface PipelineStatusUpdate {
  pipeline_id: string
  status: string
  detailed_status?: {
    stats: ExecutionStats
    nodes: Record<string, any>
    error_message?: string
    last_frame_time?: number
  }
}
interface PipelineFrameUpdate {
  pipeline_id: string
  frame_data: {
    frame_id: number
    timestamp: number
    detections_count: number
    processing_time: number
    fps: number
    node_results: Record<string, any>
  }
}
interface PipelineAnalyticsUpdate {
  pipeline_id: string
  analytics: {
    node_id: string
    node_type: string
    people_count?: number
    trend?: string
    new_crossings?: number
    total_crossings?: number
    new_intrusions?: number
    active_zones?: number
    results: any
  }
}
interface PipelineErrorUpdate {
  pipeline_id: string
  error_message: string
  severity: string
}

export function Monitor({ currentPipelineId }: { currentPipelineId: string }) {
  const [status, updatePipelineStatus] = useState<PipelineStatusUpdate>()
  const [frame, updateFPSMetrics] = useState<PipelineFrameUpdate['frame_data']>()
  const [analytics, setAnalytics] = useState<PipelineAnalyticsUpdate['analytics']>()
  const [error, setError] = useState<PipelineErrorUpdate>()

  const {
    isConnected,
    connectionStatus,
    lastMessage,
    connect,
    onPipelineStatusUpdate,
    onPipelineFrameUpdate,
    onPipelineError,
    onPipelineAnalytics,
  } = useWebSocket()

  useEffect(() => {
    connect()
  }, [connect])

  useEffect(() => {
    const unsubscribeStatus = onPipelineStatusUpdate((data) => {
      if (data.pipeline_id === currentPipelineId) {
        updatePipelineStatus(data)
      }
    })
    const unsubscribeFrame = onPipelineFrameUpdate((data) => {
      if (data.pipeline_id === currentPipelineId) {
        updateFPSMetrics(data.frame_data)
      }
    })
    const unsubscribeError = onPipelineError((data) => {
      if (data.pipeline_id === currentPipelineId) {
        setError(data)
      }
    })
    const unsubscribeAnalytics = onPipelineAnalytics((data: PipelineAnalyticsUpdate) => {
      if (data.pipeline_id === currentPipelineId) {
        setAnalytics(data.analytics)
      }
    })
    return () => {
      unsubscribeStatus()
      unsubscribeFrame()
      unsubscribeError()
      unsubscribeAnalytics()
    }
  }, [currentPipelineId, onPipelineStatusUpdate, onPipelineFrameUpdate, onPipelineError, onPipelineAnalytics])

  return (
    <p>
      {isConnected ? 'live' : connectionStatus} {status?.status} {status?.detailed_status?.stats.frames_processed}{' '}
      {frame?.fps} {analytics?.people_count} {error?.severity} {lastMessage?.type}
    </p>
  )
}
