// What the client weighs in a page.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('weighs less than 8 kB, minified and compressed, and needs nothing else', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../../node/client/index.ts')],
    outdir: '.',
    bundle: true,
    splitting: true, // what is for shared sockets is loaded by pages that ask for them
    minify: true,
    format: 'esm',
    write: false,
  })
  const weight = (files: typeof outputFiles) =>
    files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
  expect(weight(outputFiles.filter(({ path }) => !/shared-/.test(path)))).toBeLessThan(8000)
  expect(weight(outputFiles)).toBeLessThan(10_500)
  for (const { text } of outputFiles) expect(text).not.toMatch(/\bimport\b\s*["'{*][^"']*["'][^.]/)
})
