// What the client weighs in a page.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('weighs less than 8 kB, minified and compressed, and needs nothing else', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../../node/client/index.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  })
  expect(gzipSync(outputFiles[0].contents, { level: 9 }).length).toBeLessThan(8000)
  expect(outputFiles[0].text).not.toMatch(/\bimport\b\s*["'{*]/)
})
