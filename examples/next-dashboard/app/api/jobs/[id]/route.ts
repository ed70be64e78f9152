// GET /api/jobs/<id>: the file that a job has made.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { find, resultPath } from '@/lib/jobs'

export async function GET(_request: Request, { params }: { params: Promise<{ id: string }> }) {
  const job = find((await params).id)
  if (!job?.download) return Response.json({ error: 'there is no such result' }, { status: 404 })
  const name = job.kind === 'compress' ? `${job.name}.gz` : job.name.replace(/\.[^.]*$/, '') + '.480p.mp4'
  const { size } = await stat(resultPath(job.id))
  return new Response(Readable.toWeb(createReadStream(resultPath(job.id))) as unknown as BodyInit, {
    headers: {
      'Content-Type': job.kind === 'compress' ? 'application/gzip' : 'video/mp4',
      'Content-Length': String(size),
      'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
    },
  })
}
