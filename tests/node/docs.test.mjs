// The JavaScript of docs/node.md: it parses, the names that it uses are there, and its first page is a server that works.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import * as ws from 'ws_manager'
import { program } from './support.mjs'

const text = readFileSync(new URL('node.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code)

test('every block parses', async () => {
  assert.ok(blocks.length >= 4)
  for (const code of blocks) {
    const { stderr } = await program(`if (false) { ${code.replace(/^import .*$/gm, '')} }`)
    assert.equal(stderr, '')
  }
})

test('the first block runs, and sends', async () => {
  const { code, stderr, stdout } = await program(
    `${blocks[0].replace('listen(8000)', 'listen(0)')}
     console.log(recipients)
     server.close()`,
  )
  assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: '', stdout: '0\n' })
})

test('what the page names exists', () => {
  for (const [, name] of text.matchAll(/wsManager\.(\w+)/g)) assert.ok(name in ws.wsManager, name)
  for (const [, name] of text.matchAll(/^\| `(\w+)` \|/gm)) assert.equal(typeof ws[name], 'function', name)
})

test('what other pages have for Node runs', async () => {
  for (const page of ['handlers.md', 'values.md']) {
    const source = readFileSync(new URL(page, import.meta.url), 'utf8')
    const code = [...source.matchAll(/^```(?:js|ts)\n(.*?)^```$/gms)].map(([, block]) => block)
    assert.ok(code.length > 0, page)
    const run = await program(`import { wsManager } from 'ws_manager'\n${code.join('\n')}`)
    assert.deepEqual(run, { code: 0, signal: null, stdout: '', stderr: '' })
  }
})
