// A queue of jobs that really do something with the files that users drop: hash, compress, transcode.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { createInterface } from 'node:readline'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { wsManager } from 'ws_manager'
import { jobFiles, keep, kept } from './kept'
import { say } from './log'
import { notify } from './notifications'
import { once } from './state'
import { PROJECT, type Job, type JobKind } from './types'

export const MAX_BYTES = 512 * 2 ** 20
const AT_ONCE = 2
const KEPT = 50
const KEPT_TO_RUN_AGAIN = 10 // files of jobs that failed or were cancelled

/** What this process does for a job, while it does. */
interface Work {
  stop: AbortController
  done: Promise<void>
}

const works = once('works', () => new Map<string, Work>())

export const canTranscode = (): boolean =>
  once('ffmpeg', () => ['ffmpeg', 'ffprobe'].every((each) => spawnSync(each, ['-version']).status === 0))
/** Newest first. */
export const jobs = (): Job[] => kept('jobs', () => [])
export const inputPath = (id: string): string => join(jobFiles(), `${id}.in`)
export const resultPath = (id: string): string => join(jobFiles(), `${id}.out`)
export const find = (id: string): Job | undefined => jobs().find((job) => job.id === id)

export const newId = (): string => randomUUID().slice(0, 8)

const WAITING = {
  status: 'queued',
  progress: 0,
  output: 'waiting for its turn',
  eta: null,
  download: false,
  again: false,
} as const

/** The file is at inputPath(id) already. */
export function add(id: string, kind: JobKind, name: string, size: number): void {
  const job: Job = { id, kind, name, size, ...WAITING }
  jobs().unshift(job)
  for (const old of jobs().splice(KEPT)) void remove(old)
  queued(job)
}

/** Goes on with the jobs of the process before this one: what it worked on has died with it, what waited still does. */
export function goOn(): void {
  for (const file of readdirSync(jobFiles())) if (!find(parse(file).name)) rmSync(join(jobFiles(), file))
  for (const job of jobs()) if (job.status === 'running') fail(job, new Error('the server was restarted'))
  next()
}

/** What is thrown is a sentence for the user. */
export async function cancel(id: string): Promise<void> {
  const job = known(id)
  if (job.status !== 'queued' && job.status !== 'running') throw new Error(`it is ${job.status} already`)
  const work = works.get(id)
  work?.stop.abort()
  if (work) await work.done
  else fail(job, new Error('cancelled'), true)
}

export function restart(id: string): void {
  const job = known(id)
  if (!job.again) throw new Error('the file that was sent is not there any more')
  Object.assign(job, WAITING)
  queued(job)
}

function known(id: string): Job {
  const job = find(id)
  if (!job) throw new Error('there is no such job any more')
  return job
}

// An event of our own: the catalogue's begin with job_started.
function queued(job: Job): void {
  keep()
  wsManager.notify('job_queued', { job_id: job.id, ...job }, { project_id: PROJECT, job_id: job.id })
  say('info', 'jobs', `${job.kind} of ${job.name} is waiting`)
  next()
}

function next(): void {
  const waiting = jobs().findLast((job) => job.status === 'queued')
  if (!waiting || works.size >= AT_ONCE) return
  const stop = new AbortController()
  const done = run(waiting, stop.signal).finally(() => {
    works.delete(waiting.id)
    next()
  })
  works.set(waiting.id, { stop, done })
  next()
}

async function run(job: Job, stop: AbortSignal): Promise<void> {
  job.status = 'running'
  keep()
  wsManager.notifyJobStarted({ job_id: job.id, status: 'running', project_id: PROJECT })
  const started = performance.now()
  try {
    // A new file: an ffmpeg of a server that was killed may still write to the old one.
    await rm(resultPath(job.id), { force: true })
    job.output = await WORK[job.kind](job, stop)
    Object.assign(job, { status: 'completed', progress: 100, eta: null })
    keep()
    await rm(inputPath(job.id), { force: true })
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    // A result is more than the catalogue's job_completed has: members beyond its own go with it.
    const event = { job_id: job.id, output: job.output, download: job.download, project_id: PROJECT }
    wsManager.notifyJobCompleted(event)
    say('success', 'jobs', `${job.kind} of ${job.name} took ${seconds} s: ${job.output}`)
    notify({
      type: 'success',
      title: `${job.name} is done`,
      message: job.output,
      action: job.download ? { type: 'download', label: 'Download', payload: { job_id: job.id } } : null,
    })
  } catch (error) {
    fail(job, error, stop.aborted)
  }
}

function fail(job: Job, error: unknown, cancelled = false): void {
  const reason = cancelled ? 'cancelled' : error instanceof Error ? error.message : String(error)
  Object.assign(job, { status: cancelled ? 'cancelled' : 'failed', output: reason, eta: null })
  job.again = existsSync(inputPath(job.id))
  for (const old of jobs()
    .filter((each) => each.again)
    .slice(KEPT_TO_RUN_AGAIN)) {
    old.again = false
    void rm(inputPath(old.id), { force: true })
  }
  keep()
  const { id, status, again } = job
  const event = { job_id: id, status, error: reason, again, project_id: PROJECT }
  wsManager.notifyJobFailed(event)
  say(cancelled ? 'warning' : 'error', 'jobs', `${job.kind} of ${job.name}: ${reason}`)
  if (cancelled) return // whoever did it knows
  notify({
    type: 'error',
    title: `${job.name} failed`,
    message: reason,
    action: again ? { type: 'restart', label: 'Run again', payload: { job_id: id } } : null,
  })
}

// The core sends at most ten of these per second and job, and only the newest to a client that falls behind.
function progress(job: Job, share: number, output: string, started: number): void {
  job.progress = Math.min(100, 100 * share)
  job.output = output
  job.eta = share > 0.02 ? (((performance.now() - started) / 1000) * (1 - Math.min(1, share))) / share : null
  const event = { job_id: job.id, progress: job.progress, output, eta: job.eta, project_id: PROJECT }
  wsManager.notifyJobProgress(event)
}

function counting(job: Job): Transform {
  const started = performance.now()
  let done = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length
      const rate = megabytes(done / ((performance.now() - started) / 1000))
      progress(job, done / Math.max(1, job.size), `${rate} MB/s`, started)
      callback(null, chunk)
    },
  })
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

const WORK: Record<JobKind, (job: Job, stop: AbortSignal) => Promise<string>> = {
  async hash(job, stop) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(inputPath(job.id)), counting(job), hash, { signal: stop })
    return `sha256 ${hash.digest('hex')}`
  },

  async compress(job, stop) {
    const gzip = createGzip({ level: 9 })
    await pipeline(createReadStream(inputPath(job.id)), counting(job), gzip, createWriteStream(resultPath(job.id)), {
      signal: stop,
    })
    job.download = true
    const size = statSync(resultPath(job.id)).size
    return `${megabytes(size)} MB, ${((100 * size) / Math.max(1, job.size)).toFixed(0)} % of what it was`
  },

  async transcode(job, stop) {
    const started = performance.now()
    const question = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0']
    const probe = spawnSync('ffprobe', [...question, inputPath(job.id)])
    const duration = Number(probe.stdout.toString().trim())
    if (!(duration > 0)) throw new Error('this is no video or audio that ffmpeg can read')
    const child = spawn(
      'ffmpeg',
      // prettier-ignore
      ['-v', 'error', '-nostdin', '-y', '-i', inputPath(job.id), '-vf', 'scale=-2:min(480\\,ih)', '-c:v', 'libx264', '-preset', 'medium',
       '-crf', '26', '-c:a', 'aac', '-movflags', '+faststart', '-f', 'mp4', '-progress', 'pipe:1', resultPath(job.id)],
      { stdio: ['ignore', 'pipe', 'pipe'], signal: stop },
    )
    let trouble = ''
    child.stderr.on('data', (text: Buffer) => (trouble = text.toString().trim().split('\n').at(-1) ?? ''))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [name, value] = line.split('=')
      if (name === 'out_time_us' && Number(value) > 0)
        progress(
          job,
          Number(value) / 1e6 / duration,
          `${(Number(value) / 1e6).toFixed(0)} of ${duration.toFixed(0)} s of film`,
          started,
        )
    })
    const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
    if (status !== 0) throw new Error(trouble || `ffmpeg ended with status ${status}`)
    job.download = true
    return `480p H.264, ${megabytes(statSync(resultPath(job.id)).size)} MB`
  },
}

async function remove(job: Job): Promise<void> {
  works.get(job.id)?.stop.abort()
  await rm(inputPath(job.id), { force: true })
  await rm(resultPath(job.id), { force: true })
}
