// What needs a look, over whatever is looked at. A failure stays until the pipeline runs again, or until somebody has seen it.

import { useEffect, type ReactNode } from 'react'
import { useWebSocket } from 'ws_manager/react'
import { EventToasts, useToast } from 'ws_manager/react/toasts'
import { useCommand } from '../commands'
import { useLive } from '../pipelines'

const idOf = (pipelineId: string) => `failure of ${pipelineId}`

export function Toasts(): ReactNode {
  const { client } = useWebSocket()
  const live = useLive()
  const command = useCommand()
  const toast = useToast()

  useEffect(
    () =>
      client.on('pipeline_status_update', ({ data }) => {
        const { pipeline_id: id, status } = data as { pipeline_id: string; status: string }
        if (status !== 'error') toast.dismiss(idOf(id))
      }),
    [client, toast],
  )

  const restart = (id: string) => {
    command('restart_pipeline', { pipeline_id: id }).catch((error: Error) =>
      toast.warning('That did not work', error.message),
    )
  }
  return (
    <EventToasts
      position="bottom-right"
      rooms={['@all', 'pipelines']}
      offset={{ right: 'var(--toasts)', bottom: 20 }}
      events={{
        pipeline_error_update: ({ data }) => ({
          kind: 'error',
          title: `${live.state.pipelines.find(({ id }) => id === data.pipeline_id)?.name ?? data.pipeline_id} failed`,
          message: data.error_message,
          duration: 0,
          id: idOf(data.pipeline_id),
          action: { label: 'Restart', onClick: () => restart(data.pipeline_id) },
        }),
        // A failure is one toast, not two.
        notification: ({ data }) =>
          data.type === 'error'
            ? null
            : { kind: data.type, title: data.title, message: data.message, id: data.title, duration: 8000 },
        processing_failed: ({ data }) =>
          data.error_code === 'cancelled'
            ? { kind: 'info', title: 'Analysis cancelled', message: data.image_id }
            : { kind: 'error', title: 'Analysis failed', message: data.error, duration: 0 },
        processing_complete: ({ data }) => ({
          kind: 'success',
          title: 'Analysis complete',
          message: `${data.image_id}: ${data.summary?.objects ?? 0} objects in ${Number(data.processing_time_seconds).toFixed(0)} s`,
        }),
      }}
    />
  )
}
