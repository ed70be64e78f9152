// Image analyses that are under way or have just ended, and a button that has the server simulate one.

import type { ReactNode } from 'react'
import { ProcessingStatus, useProcessingState, useWebSocket } from 'ws_manager/react'
import { useCommand, usePending } from '../commands'
import { useNow } from '../connection'
import { useLiveState } from '../pipelines'
import { Icon } from './Icon'

const LINGER = 6000 // milliseconds that the end of one stays in view

export function Analyses(): ReactNode {
  const { isConnected } = useWebSocket()
  const command = useCommand()
  const { pending, error, run } = usePending()
  const all = useLiveState((state) => state.analyses)
  const now = useNow(1000)
  const shown = all.filter(({ ended_at: ended }) => !ended || now - ended < LINGER)

  return (
    <section className="analyses" aria-labelledby="analyses-title">
      <div className="row between">
        <h2 id="analyses-title">Image analyses</h2>
        <button
          type="button"
          className="wsm-button"
          disabled={!isConnected}
          aria-busy={pending || undefined}
          onClick={() => void run(() => command('start_analysis'))}
        >
          <Icon name="plus" /> Simulate analysis
        </button>
      </div>
      {error && (
        <p className="problem" role="alert">
          {error}
        </p>
      )}
      {!shown.length && <p className="hint">None is under way.</p>}
      {shown.map(({ image_id: id, algorithm, progress, eta_seconds: eta }) => (
        <Analysis key={id} id={id} algorithm={algorithm} progress={progress} eta={eta} />
      ))}
    </section>
  )
}

interface AnalysisProps {
  id: string
  algorithm: string
  progress: number
  eta: number
}

/** Before its first event comes, what the server's state said of it. */
function Analysis({ id, algorithm, progress, eta }: AnalysisProps): ReactNode {
  const command = useCommand()
  const heard = useProcessingState(id)
  return (
    <ProcessingStatus
      imageId={id}
      algorithm={`${id} · ${algorithm}`}
      {...(heard ? {} : { progress, etaSeconds: eta })}
      onCancel={() => command('cancel_analysis', { image_id: id })}
    />
  )
}
