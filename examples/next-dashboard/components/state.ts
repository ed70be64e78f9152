// The page's state, and how each message changes it. A message that came already changes nothing.
import type { Column, Job, LogLine, Sample, Snapshot, Story } from '@/lib/types'
import type { Message } from './socket'

const SAMPLES = 120
const LINES = 500

export type State = Omit<Snapshot, 'positions'>
export type Change = { reset: Snapshot } | { message: Message }

export function reduce(state: State, change: Change): State {
  if ('reset' in change) return change.reset
  const message = change.message
  const data = message.data
  switch (message.type ?? message.event_type) {
    case 'machine':
      return { ...state, samples: [...state.samples, message as unknown as Sample].slice(-SAMPLES) }
    case 'log_message':
      return { ...state, log: withLine(state.log, message) }
    case 'job_queued':
      return { ...state, jobs: withJob(state.jobs, data) }
    case 'job_started':
      return { ...state, jobs: patchJob(state.jobs, data.job_id, { status: 'running' }) }
    case 'job_progress':
      return {
        ...state,
        jobs: patchJob(state.jobs, data.job_id, { progress: Number(data.progress), output: String(data.output) }, true),
      }
    case 'job_completed':
      return {
        ...state,
        jobs: patchJob(state.jobs, data.job_id, {
          status: 'completed',
          progress: 100,
          output: String(data.output),
          download: Boolean(data.download),
        }),
      }
    case 'job_failed':
      return { ...state, jobs: patchJob(state.jobs, data.job_id, { status: 'failed', output: String(data.error) }) }
    case 'story_created': {
      const story: Story = { id: String(data.story_id), title: String(data.title), column: 'Backlog', tasks: [] }
      return { ...state, stories: [...state.stories.filter((old) => old.id !== story.id), story] }
    }
    case 'story_moved':
      return {
        ...state,
        stories: patchStory(state.stories, data.story_id, (story) => ({ ...story, column: data.to as Column })),
      }
    case 'story_deleted':
      return { ...state, stories: state.stories.filter((story) => story.id !== data.story_id) }
    case 'task_created':
    case 'task_updated':
    case 'task_completed':
      return {
        ...state,
        stories: patchStory(state.stories, data.story_id, (story) => {
          const task = { id: String(data.task_id), title: String(data.title), done: message.type === 'task_completed' }
          const known = story.tasks.some((old) => old.id === task.id)
          return {
            ...story,
            tasks: known ? story.tasks.map((old) => (old.id === task.id ? task : old)) : [...story.tasks, task],
          }
        }),
      }
    default:
      return state
  }
}

function withLine(log: LogLine[], message: Message): LogLine[] {
  if (log.some((line) => line.id === message.message_id)) return log
  const {
    level,
    source,
    message: text,
  } = message.data as { level: LogLine['level']; source?: string | null; message: string }
  return [...log, { id: message.message_id, at: message.timestamp, level, source: source ?? '', message: text }].slice(
    -LINES,
  )
}

function withJob(jobs: Job[], data: Record<string, unknown>): Job[] {
  const id = String(data.job_id)
  if (jobs.some((job) => job.id === id)) return jobs
  const job: Job = {
    id,
    kind: data.kind as Job['kind'],
    name: String(data.name),
    size: Number(data.size),
    status: 'queued',
    progress: 0,
    output: 'waiting for its turn',
    download: false,
  }
  return [job, ...jobs].slice(0, 50)
}

// Progress may overtake what has an offset, or come after the end: it never brings a finished job back.
function patchJob(jobs: Job[], id: unknown, patch: Partial<Job>, running = false): Job[] {
  return jobs.map((job) => {
    if (job.id !== id || (running && (job.status === 'completed' || job.status === 'failed'))) return job
    return { ...job, ...patch }
  })
}

function patchStory(stories: Story[], id: unknown, change: (story: Story) => Story): Story[] {
  return stories.map((story) => (story.id === id ? change(story) : story))
}
