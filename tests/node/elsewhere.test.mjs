// The server part where it can't be: each says why in one sentence, before anything native is touched.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import test from 'node:test'

const run = (...args) => spawnSync(process.execPath, args, { encoding: 'utf8' })
const lib = path.dirname(createRequire(import.meta.url).resolve('ws_manager'))

for (const [name, version] of [
  ['bun', '1.3.3'],
  ['deno', '2.5.0'],
]) {
  test(`${name} is told that it is not Node, and its process stays`, () => {
    const { stdout, status } = run(
      '-e',
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, ${name}: '${version}' } })
       process.dlopen = () => process.abort()
       for (const part of ['ws_manager', 'ws_manager/next']) try { require(part) } catch (error) { console.log(error.message) }
       console.log(typeof require('ws_manager/client').createClient)`,
    )
    assert.equal(status, 0)
    assert.match(
      stdout,
      new RegExp(`^(.* runs in Node.js only, and this is ${name} ${version}.*\\n){2}function\\n$`, 'i'),
    )
  })
}

for (const condition of ['browser', 'edge-light', 'workerd']) {
  test(`bundlers that build for ${condition} get a sentence`, () => {
    // As modules: bundlers take them so, and Node itself requires none before 22.
    const source = `for (const part of ['ws_manager', 'ws_manager/next']) await import(part).catch((error) => console.log(error.message))
      console.log(typeof (await import('ws_manager/client')).createClient)`
    const { stdout, stderr } = run('-C', condition, '--input-type=module', '-e', source)
    assert.match(stdout, /^(.*run in Node.js only.*ws_manager\/client.*runtime = 'nodejs'.*\n){2}function\n$/, stderr)
  })
}

test('a bundle that has swallowed the server part says how to keep it out', (t) => {
  const folder = mkdtempSync(path.join(process.cwd(), 'bundle-'))
  t.after(() => rmSync(folder, { recursive: true }))
  copyFileSync(path.join(lib, 'native.js'), path.join(folder, 'chunk.js'))
  const { stderr, status } = run(path.join(folder, 'chunk.js'))
  assert.equal(status, 1)
  assert.match(stderr, /was bundled.*withWsManager.*name ws_manager as external/)
})
