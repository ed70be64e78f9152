'use client'

import { useRef, useState, type DragEvent } from 'react'
import type { Job, JobKind } from '@/lib/types'
import type { LiveSocket } from './socket'

const KINDS: Record<JobKind, string> = { hash: 'SHA-256', compress: 'Compress', transcode: 'Transcode' }

interface Props {
  jobs: Job[]
  canTranscode: boolean
  socket: LiveSocket
  onError: (message: string) => void
}

export function Jobs({ jobs, canTranscode, socket, onError }: Props) {
  const [kind, setKind] = useState<JobKind>('hash')
  const [over, setOver] = useState(false)
  const [sending, setSending] = useState(0)
  const input = useRef<HTMLInputElement>(null)

  const upload = async (file: File) => {
    setSending((n) => n + 1)
    try {
      const answer = await fetch(`/api/jobs?kind=${kind}&name=${encodeURIComponent(file.name)}`, {
        method: 'POST',
        body: file,
      })
      if (!answer.ok) onError(`${file.name}: ${((await answer.json()) as { error: string }).error}`)
    } catch {
      onError(`${file.name} could not be sent: the server can't be reached`)
    } finally {
      setSending((n) => n - 1)
    }
  }
  const take = (files: FileList | null) => [...(files ?? [])].forEach((file) => void upload(file))
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    take(event.dataTransfer.files)
  }
  const cancel = async (job: Job) => {
    try {
      const reply = await socket.ask('cancel_job', { job_id: job.id })
      if (!reply.cancelled) onError(`${job.name} was over already`)
    } catch (error) {
      onError(`${job.name} was not cancelled: ${(error as Error).message}`)
    }
  }

  return (
    <section className="panel jobs" aria-labelledby="jobs">
      <h2 id="jobs">Jobs</h2>
      <div className="kinds" role="radiogroup" aria-label="What to do with files">
        {(Object.keys(KINDS) as JobKind[]).map((each) => (
          <button
            key={each}
            type="button"
            role="radio"
            aria-checked={kind === each}
            disabled={each === 'transcode' && !canTranscode}
            title={each === 'transcode' && !canTranscode ? 'There is no ffmpeg on this machine' : undefined}
            onClick={() => setKind(each)}
          >
            {KINDS[each]}
          </button>
        ))}
      </div>
      <button
        type="button"
        className={`drop ${over ? 'over' : ''}`}
        onClick={() => input.current?.click()}
        onDragOver={(event) => (event.preventDefault(), setOver(true))}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <strong>{sending ? `Sending ${sending} file${sending > 1 ? 's' : ''}…` : 'Drop files here'}</strong>
        <span>or choose some: up to 512 MB each</span>
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="file"
        onChange={(event) => (take(event.target.files), (event.target.value = ''))}
      />
      <ul className="joblist">
        {jobs.map((job) => (
          <li key={job.id} className={`job ${job.status}`} data-testid="job">
            <div className="line">
              <span className="name" title={job.name}>
                {job.name}
              </span>
              <span className="kind">{KINDS[job.kind]}</span>
              <span className="state">{job.status === 'running' ? `${job.progress.toFixed(0)} %` : job.status}</span>
              {(job.status === 'queued' || job.status === 'running') && (
                <button
                  type="button"
                  className="small"
                  onClick={() => void cancel(job)}
                  aria-label={`Cancel ${job.name}`}
                >
                  Cancel
                </button>
              )}
              {job.download && (
                <a className="small" href={`/api/jobs/${job.id}`} download>
                  Download
                </a>
              )}
            </div>
            <progress value={job.progress} max={100} aria-label={`Progress of ${job.name}`} />
            <p className="output">{job.output}</p>
          </li>
        ))}
        {!jobs.length && <li className="none">Nothing has been done yet.</li>}
      </ul>
    </section>
  )
}
