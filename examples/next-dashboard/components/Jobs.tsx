'use client'

import { useRef, useState, type DragEvent } from 'react'
import type { Message, Position } from 'ws_manager/client'
import { ProcessingStatus, useRoomState } from 'ws_manager/react'
import { useToast } from 'ws_manager/react/toasts'
import { ROOM, type Job, type JobKind } from '@/lib/types'
import { useJobCommand } from './live'
import { sample } from './sample'

const KINDS: Record<JobKind, string> = { hash: 'SHA-256', compress: 'Compress', transcode: 'Transcode' }
const KEPT = 50

// Progress is sent with less care than what has a place in the history: it never brings a job back that is over.
function reduce(jobs: Job[], { type, data }: Message): Job[] {
  const patch = (change: Partial<Job>) => jobs.map((job) => (job.id === data.job_id ? { ...job, ...change } : job))
  switch (type) {
    case 'dashboard_started':
      return data.jobs
    case 'job_queued': {
      const { job_id: _, ...job } = data as Job & { job_id: string }
      return jobs.some(({ id }) => id === job.id) ? patch(job) : [job, ...jobs].slice(0, KEPT)
    }
    case 'job_started':
      return patch({ status: 'running' })
    case 'job_progress':
      return jobs.map((job) =>
        job.id === data.job_id && job.status === 'running'
          ? { ...job, progress: data.progress, output: data.output, eta: data.eta }
          : job,
      )
    case 'job_completed':
      return patch({ status: 'completed', progress: 100, output: data.output, download: data.download })
    case 'job_failed':
      return patch({ status: data.status, output: data.error, again: data.again })
    default:
      return jobs
  }
}

interface Props {
  initial: Job[]
  since: Position
  canTranscode: boolean
}

export function Jobs({ initial, since, canTranscode }: Props) {
  const jobs = useRoomState(ROOM, reduce, initial, { since })
  const toast = useToast()
  const [kind, setKind] = useState<JobKind>('compress')
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
      if (!answer.ok) toast.error(file.name, ((await answer.json()) as { error: string }).error)
    } catch {
      toast.error(`${file.name} could not be sent`, 'The server can’t be reached')
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
  const running = jobs.filter((job) => job.status === 'running').length
  const waiting = jobs.filter((job) => job.status === 'queued').length

  return (
    <section className="panel jobs" aria-labelledby="jobs">
      <div className="head">
        <h2 id="jobs">Jobs</h2>
        <span className="count">
          {running} running, {waiting} waiting
        </span>
      </div>
      <fieldset className="kinds">
        <legend className="hidden">What to do with files</legend>
        {(Object.keys(KINDS) as JobKind[]).map((each) => (
          <label
            key={each}
            title={each === 'transcode' && !canTranscode ? 'There is no ffmpeg on this machine' : undefined}
          >
            <input
              type="radio"
              name="kind"
              checked={kind === each}
              disabled={each === 'transcode' && !canTranscode}
              onChange={() => setKind(each)}
            />
            {KINDS[each]}
          </label>
        ))}
      </fieldset>
      <div
        className={`drop ${over ? 'over' : ''}`}
        onDragOver={(event) => (event.preventDefault(), setOver(true))}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <strong>{sending ? `Sending ${sending} file${sending > 1 ? 's' : ''}…` : 'Drop files here'}</strong>
        <span className="row">
          <button type="button" className="small" onClick={() => input.current?.click()}>
            Choose files
          </button>
          <button type="button" className="small" onClick={() => void upload(sample())}>
            Use a sample
          </button>
        </span>
      </div>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="file"
        onChange={(event) => (take(event.target.files), (event.target.value = ''))}
      />
      {jobs.length ? (
        <ul className="joblist">
          {jobs.map((job) => (
            <li key={job.id} className={`job ${job.status}`} data-testid="job">
              <JobCard job={job} />
            </li>
          ))}
        </ul>
      ) : (
        <p className="none">
          Nothing has been sent yet. What you send is hashed, compressed or transcoded by the server, in view of every
          window.
        </p>
      )}
    </section>
  )
}

function JobCard({ job }: { job: Job }) {
  const command = useJobCommand()
  const toast = useToast()
  const [starting, setStarting] = useState(false)
  const restart = async () => {
    setStarting(true)
    try {
      await command('restart_job', job.id)
    } catch (error) {
      toast.error(`${job.name} was not started again`, (error as Error).message)
    }
    setStarting(false)
  }
  if (job.status === 'queued' || job.status === 'running')
    return (
      <ProcessingStatus
        imageId={job.id}
        algorithm={job.name}
        progress={job.progress}
        currentStep={`${KINDS[job.kind]} · ${job.output}`}
        etaSeconds={job.status === 'running' ? job.eta : null}
        onCancel={() => command('cancel_job', job.id)}
      />
    )
  return (
    <>
      <div className="line">
        <span className="name" title={job.name}>
          {job.name}
        </span>
        {job.download && (
          <a className="small" href={`/api/jobs/${job.id}`} download aria-label={`Download ${job.name}`}>
            Download
          </a>
        )}
        {job.again && (
          <button
            type="button"
            className="small"
            disabled={starting}
            onClick={() => void restart()}
            aria-label={`Run again: ${job.name}`}
          >
            {starting ? 'Starting…' : 'Run again'}
          </button>
        )}
      </div>
      <p className="line">
        <span className="state">{job.status}</span>
        <span className="output" title={job.output}>
          {KINDS[job.kind]}
          {job.status !== 'cancelled' && ` · ${job.output}`}
        </span>
      </p>
    </>
  )
}
