// POST /api/jobs?kind=hash&name=film.mp4 with the file as the body: it goes to disk as it comes.
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { MAX_BYTES, add, canTranscode, inputPath, newId } from '@/lib/jobs'
import type { JobKind } from '@/lib/types'

const refuse = (status: number, error: string) => Response.json({ error }, { status })

export async function POST(request: Request) {
  const query = new URL(request.url).searchParams
  const kind = query.get('kind') as JobKind
  const name = (query.get('name') ?? '').slice(0, 200)
  if (!['hash', 'compress', 'transcode'].includes(kind)) return refuse(400, 'kind must be hash, compress or transcode')
  if (kind === 'transcode' && !canTranscode()) return refuse(400, 'there is no ffmpeg on this machine')
  if (!name) return refuse(400, 'name must be the name of the file')
  if (!request.body) return refuse(400, 'the file must be the body of the request')
  const id = newId()
  let size = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      size += chunk.length
      callback(size > MAX_BYTES ? new RangeError('too large') : null, chunk)
    },
  })
  try {
    await pipeline(Readable.fromWeb(request.body as ReadableStream), limit, createWriteStream(inputPath(id)))
  } catch (error) {
    await rm(inputPath(id), { force: true })
    if (error instanceof RangeError) return refuse(413, `a file may have ${MAX_BYTES / 2 ** 20} MB at most`)
    return refuse(400, 'the file did not arrive whole')
  }
  add(id, kind, name, size)
  return Response.json({ job_id: id }, { status: 202 })
}
