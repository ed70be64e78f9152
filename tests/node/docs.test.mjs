// The JavaScript of docs/node.md: it parses, the names that it uses are there, its first page is a server that works, and its checks hold.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import test from 'node:test'
import WebSocket from 'ws'
import * as ws from 'ws_manager'
import { eventually, program, serve } from './support.mjs'

const text = readFileSync(new URL('node.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code)

test('every block parses', async () => {
  assert.ok(blocks.length >= 8)
  for (const code of blocks) {
    const { stderr } = await program(`if (false) { ${code.replace(/^import .*$/gm, '').replace(/^export /gm, '')} }`)
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

test('the server of the README runs as it stands, and sends', async (t) => {
  const readme = readFileSync(path.resolve('../../README.md'), 'utf8')
  const code = /^## The same in Node$.*?^```js\n(.*?)^```$/ms.exec(readme)[1].replace('listen(8000)', 'listen(0, say)')
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `const say = () => console.log(server.address().port)\n${code}`,
  ])
  t.after(() => child.kill('SIGKILL'))
  const port = Number((await once(child.stdout, 'data'))[0])
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello')
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  t.after(() => client.terminate())
  const heard = []
  client.on('message', (data) => heard.push(JSON.parse(data).type))
  await eventually(() => heard.includes('pipeline_update'))
})

test('what the page names exists', () => {
  for (const [, name] of text.matchAll(/wsManager\.(\w+)/g)) assert.ok(name in ws.wsManager, name)
  for (const [, name] of text.matchAll(/^\| `(\w+)` \|/gm)) assert.equal(typeof ws[name], 'function', name)
})

// ---- recipes in which something is awaited between an upgrade and the hand-over ----

const recipes = blocks.filter((code) => code.includes('await session(req)'))

/** A server of its own process with a recipe; its session() does what the cookie says. */
async function recipe(t, code) {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { createServer } from 'node:http'
     import { wsManager } from 'ws_manager'
     const server = createServer((req, res) => res.end(String(asked)))
     let asked = 0
     async function session(req) {
       asked++
       const [, way] = /way=(\\w+)/.exec(req.headers.cookie)
       await new Promise((resolve) => setTimeout(resolve, way === 'slow' ? 300 : 20))
       if (way === 'rejects') throw new Error('the session store is away')
       return way === 'none' ? null : { id: 'u1', team: 7, plan: 'free' }
     }
     ${code}
     server.listen(0, '127.0.0.1', () => console.log(server.address().port))`,
  ])
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  const port = Number((await once(child.stdout, 'data'))[0])
  return {
    child,
    port,
    said: () => said,
    asked: async () => Number(await (await fetch(`http://127.0.0.1:${port}/`)).text()),
  }
}

test('every recipe with an await is one of those that are tried', () => {
  assert.equal(recipes.length, 2)
  for (const code of blocks) {
    if (/\bupgrade\b|handOver|endpoints/.test(code) && /\bawait\b(?! wsManager)/.test(code))
      assert.ok(recipes.includes(code), code)
  }
})

for (const [i, code] of recipes.entries()) {
  test(`recipe ${i + 1}: clients that reset and abort, sessions that are slow, refuse and reject`, async (t) => {
    const { child, port, said, asked } = await recipe(t, code)
    const end = (way) =>
      new Promise((resolve) => {
        const client = new WebSocket(`ws://127.0.0.1:${port}/live/7`, { headers: { cookie: `way=${way}` } })
        t.after(() => client.terminate())
        client.on('message', () => resolve('greeted'))
        client.on('close', (close) => resolve(close))
        client.on('error', () => {})
      })
    assert.equal(await end('good'), 'greeted')
    assert.equal(await end('slow'), 'greeted')
    assert.equal(await end('none'), 4403)
    assert.equal(await end('rejects'), 1011)
    let expected = 4
    for (const way of ['slow', 'rejects', 'none']) {
      for (const leave of ['resetAndDestroy', 'destroy', 'end']) {
        const socket = net.connect(port, '127.0.0.1')
        socket.on('error', () => {})
        t.after(() => socket.destroy())
        const key = Buffer.alloc(16).toString('base64')
        socket.write(
          `GET /live/7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
            `Sec-WebSocket-Key: ${key}\r\nCookie: way=${way}\r\n\r\n`,
        )
        expected++
        await eventually(async () => (await asked()) === expected, `check ${expected}`)
        socket[leave]()
      }
    }
    assert.equal(await end('good'), 'greeted')
    assert.equal(child.exitCode, null, said())
    assert.doesNotMatch(said(), /ECONNRESET|Unhandled/)
  })
}

// ---- the client without a bundler ----

test('the folder that the page serves holds all that a browser asks for', async (t) => {
  const dist = path.join(path.dirname(createRequire(import.meta.url).resolve('ws_manager')), '../dist')
  assert.ok(
    text.includes("express.static('node_modules/ws_manager/node/dist')") &&
      text.includes("'/ws_manager/client/index.js'"),
  )
  const server = await serve(
    t,
    (req, res) => {
      const file = path.join(dist, req.url.replace(/^\/ws_manager/, ''))
      res.writeHead(statSync(file, { throwIfNoEntry: false })?.isFile() ? 200 : 404, {
        'content-type': 'text/javascript',
      })
      res.end(res.statusCode === 200 ? readFileSync(file) : '')
    },
    http.createServer,
  )
  const seen = new Set()
  const load = async (url) => {
    if (seen.has(url)) return
    seen.add(url)
    const answer = await fetch(url)
    assert.equal(answer.status, 200, url)
    for (const [, name] of (await answer.text()).matchAll(/^(?:import|export) .*?from '([^']+)'|^import '([^']+)'/gm)) {
      assert.match(name, /^\.\.?\//, `${url} imports ${name}, which a browser can't find`)
      await load(new URL(name, url).href)
    }
  }
  await load(`http://${server.host}/ws_manager/client/index.js`)
  assert.ok(seen.size > 5)
})
