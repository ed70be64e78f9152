// What the pipelines watch, and how to have them watch something else.

import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { useWebSocket } from 'ws_manager/react'
import { useToast } from 'ws_manager/react/toasts'
import { useCommand, usePending } from '../commands'
import { useLiveState } from '../pipelines'
import { Icon } from './Icon'

export function Source(): ReactNode {
  const source = useLiveState((state) => state.source)
  const { isConnected } = useWebSocket()
  const [wanted, setWanted] = useState('')
  const dialog = useRef<HTMLDialogElement>(null)
  const { pending, error, run, clear } = usePending()
  const command = useCommand()
  const toast = useToast()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const done = await run(async () => {
      const answer = await command('set_source', { source: wanted })
      toast.success('New source', String(answer.source))
    })
    if (done) dialog.current?.close()
  }
  return (
    <>
      <button
        type="button"
        className="chip"
        aria-haspopup="dialog"
        title="Change the video"
        onClick={() => (clear(), dialog.current?.showModal())}
      >
        <Icon name="video" />
        <span className="hidden">Video source: </span>
        <span>{source}</span>
      </button>
      <dialog ref={dialog} aria-labelledby="source-title">
        <form onSubmit={(event) => void submit(event)}>
          <h2 id="source-title">Video source</h2>
          <label className="field">
            <span>File, URL or camera number</span>
            <input
              type="text"
              value={wanted}
              placeholder="/videos/gate.mp4, rtsp://camera/stream, 0"
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => setWanted(event.target.value)}
            />
          </label>
          <p className="hint">
            The path is one of the machine that runs the server. Empty: the video that it was started with.
          </p>
          {error && (
            <p className="problem" role="alert">
              {error}
            </p>
          )}
          <div className="row end">
            <button type="button" className="wsm-button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button
              type="submit"
              className="wsm-button wsm-primary"
              disabled={!isConnected}
              aria-busy={pending || undefined}
            >
              Use it
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
