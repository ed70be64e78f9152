// A queue of jobs that really do something with the files that users drop: hash, compress, transcode.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, mkdtempSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { wsManager } from 'ws_manager'
import { say } from './log'
import { once } from './state'
import { PROJECT, type Job, type JobKind } from './types'

export const MAX_BYTES = 512 * 2 ** 20
const AT_ONCE = 2
const KEPT = 50

interface Work extends Job {
  stop: AbortController
}

const state = once('jobs', () => ({
  jobs: [] as Work[],
  folder: mkdtempSync(join(tmpdir(), 'next-dashboard-')),
  ffmpeg: spawnSync('ffmpeg', ['-version']).status === 0 && spawnSync('ffprobe', ['-version']).status === 0,
}))

export const canTranscode = (): boolean => state.ffmpeg
export const jobs = (): Job[] => state.jobs.map(({ stop: _, ...job }) => job)
export const inputPath = (id: string): string => join(state.folder, `${id}.in`)
export const resultPath = (id: string): string => join(state.folder, `${id}.out`)
export const find = (id: string): Job | undefined => state.jobs.find((job) => job.id === id)

export const newId = (): string => randomUUID().slice(0, 8)

/** The file is at inputPath(id) already. */
export function add(id: string, kind: JobKind, name: string, size: number): void {
  state.jobs.unshift({
    id,
    kind,
    name,
    size,
    status: 'queued',
    progress: 0,
    output: 'waiting for its turn',
    download: false,
    stop: new AbortController(),
  })
  for (const old of state.jobs.splice(KEPT)) void remove(old)
  const job = state.jobs[0]
  wsManager.notify('job_queued', { job_id: id, kind, name, size }, { project_id: PROJECT, job_id: id })
  say('info', 'jobs', `${job.kind} of ${name} is waiting`)
  next()
}

/** False if it is over already. */
export function cancel(id: string): boolean {
  const job = state.jobs.find((job) => job.id === id)
  if (!job || job.status === 'completed' || job.status === 'failed') return false
  job.stop.abort()
  if (job.status === 'queued') fail(job, new Error('cancelled'))
  return true
}

function next(): void {
  const running = state.jobs.filter((job) => job.status === 'running').length
  const waiting = state.jobs.findLast((job) => job.status === 'queued')
  if (!waiting || running >= AT_ONCE) return
  void run(waiting).finally(next)
  next()
}

async function run(job: Work): Promise<void> {
  job.status = 'running'
  wsManager.notifyJobStarted({ job_id: job.id, status: 'running', project_id: PROJECT })
  const started = performance.now()
  try {
    job.output = await WORK[job.kind](job)
    job.status = 'completed'
    job.progress = 100
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    // A result is more than the catalogue's job_completed has: members beyond its own go with it.
    wsManager.notify(
      'job_completed',
      { job_id: job.id, status: 'completed', output: job.output, download: job.download },
      { project_id: PROJECT, job_id: job.id },
    )
    say('success', 'jobs', `${job.kind} of ${job.name} took ${seconds} s: ${job.output}`)
  } catch (error) {
    fail(job, error)
  } finally {
    await rm(inputPath(job.id), { force: true })
  }
}

function fail(job: Work, error: unknown): void {
  const reason = job.stop.signal.aborted ? 'cancelled' : error instanceof Error ? error.message : String(error)
  job.status = 'failed'
  job.output = reason
  wsManager.notifyJobFailed({ job_id: job.id, status: 'failed', error: reason, project_id: PROJECT })
  say(job.stop.signal.aborted ? 'warning' : 'error', 'jobs', `${job.kind} of ${job.name}: ${reason}`)
}

// The core sends at most ten of these per second and job, and only the newest to a client that falls behind.
function progress(job: Work, share: number, output: string): void {
  job.progress = Math.min(100, 100 * share)
  job.output = output
  wsManager.notifyJobProgress({
    job_id: job.id,
    progress: job.progress,
    status: 'running',
    output,
    project_id: PROJECT,
  })
}

function counting(job: Work): Transform {
  const started = performance.now()
  let done = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length
      progress(job, done / Math.max(1, job.size), `${megabytes(done / ((performance.now() - started) / 1000))} MB/s`)
      callback(null, chunk)
    },
  })
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

const WORK: Record<JobKind, (job: Work) => Promise<string>> = {
  async hash(job) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(inputPath(job.id)), counting(job), hash, { signal: job.stop.signal })
    return `sha256 ${hash.digest('hex')}`
  },

  async compress(job) {
    const gzip = createGzip({ level: 9 })
    await pipeline(createReadStream(inputPath(job.id)), counting(job), gzip, createWriteStream(resultPath(job.id)), {
      signal: job.stop.signal,
    })
    job.download = true
    const size = statSync(resultPath(job.id)).size
    return `${megabytes(size)} MB, ${((100 * size) / Math.max(1, job.size)).toFixed(0)} % of what it was`
  },

  async transcode(job) {
    const probe = spawnSync('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'format=duration',
      '-of',
      'csv=p=0',
      inputPath(job.id),
    ])
    const duration = Number(probe.stdout.toString().trim())
    if (!(duration > 0)) throw new Error('this is no video or audio that ffmpeg can read')
    const child = spawn(
      'ffmpeg',
      // prettier-ignore
      ['-v', 'error', '-nostdin', '-y', '-i', inputPath(job.id), '-vf', 'scale=-2:min(480\\,ih)', '-c:v', 'libx264', '-preset', 'medium',
       '-crf', '26', '-c:a', 'aac', '-movflags', '+faststart', '-f', 'mp4', '-progress', 'pipe:1', resultPath(job.id)],
      { stdio: ['ignore', 'pipe', 'pipe'], signal: job.stop.signal },
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
        )
    })
    const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
    if (status !== 0) throw new Error(trouble || `ffmpeg ended with status ${status}`)
    job.download = true
    return `480p H.264, ${megabytes(statSync(resultPath(job.id)).size)} MB`
  },
}

async function remove(job: Work): Promise<void> {
  job.stop.abort()
  await rm(inputPath(job.id), { force: true })
  await rm(resultPath(job.id), { force: true })
}
