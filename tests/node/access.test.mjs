// docs/access.md: the applications of Node, as they stand there, and who hears what in them.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { Client, connect } from './support.mjs'

const text = readFileSync(path.resolve('../../docs/access.md'), 'utf8')
const applications = [...text.matchAll(/^```js\n(.*?)^```$/gms)]
  .map(([, code]) => code)
  .filter((code) => code.includes('createServer'))

/** An application of the page in a process of its own, that also sends when it is asked to. */
async function run(t, code) {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `const say = () => console.log(server.address().port)
     ${code.replace('listen(8000)', "listen(0, '127.0.0.1', say)").replace("res.end('hello')", 'wsManager.restHandler(req, res)')}
     process.stdin.on('data', async (room) => console.log((await wsManager.sendToRoom(String(room), { type: 'x' })).recipients))`,
  ])
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  const port = Number((await once(child.stdout, 'data'))[0])
  const send = async (room) => {
    child.stdin.write(room)
    return Number((await once(child.stdout, 'data'))[0])
  }
  const history = async (room, headers = {}) =>
    (await fetch(`http://127.0.0.1:${port}/api/ws/history?room=${room}`, { headers })).status
  return { url: `ws://127.0.0.1:${port}`, send, history, said: () => said }
}

const cookie = { headers: { cookie: 'user=u1' } }

async function ends(t, url, options) {
  const client = new Client(url, options)
  t.after(() => client.ws.terminate())
  return (await client.end()).code
}

async function asks(client, room) {
  client.send({ action: 'subscribe', room })
  const answer = await client.next((message) => ['subscribed', 'error'].includes(message.type))
  return answer.data.code ?? answer.type
}

test('the page has two applications of Node', () => assert.equal(applications.length, 2))

test('attach() and an authenticate handler', async (t) => {
  const { url, send, history, said } = await run(t, applications[0])
  const user = await connect(t, `${url}/ws`, cookie)
  assert.equal(await ends(t, `${url}/ws`), 4401)
  assert.equal(await send('board:7'), 1)
  assert.equal(await asks(user, 'team:1'), 'subscribed')
  assert.equal(await asks(user, 'board:8'), 'forbidden')
  assert.equal(await ends(t, `${url}/ws/notifications`, cookie), 4403) // the firehose
  assert.equal(await history('board:7', cookie.headers), 200)
  assert.equal(await history('board:8', cookie.headers), 403)
  assert.equal(await history('board:7'), 401)
  assert.doesNotMatch(said(), /was not known at the start/)
})

test('attach() with an endpoint that checks, and nothing else', async (t) => {
  const { url, send, history } = await run(t, applications[1])
  const user = await connect(t, `${url}/live/7`, cookie)
  assert.equal(user.greeting.data.user_id, 'u1')
  assert.equal(await send('board:7'), 1)
  assert.equal(await asks(user, 'board:8'), 'forbidden')
  assert.equal(await ends(t, `${url}/live/7`), 4403)
  for (const path of ['/ws', '/ws/notifications', '/ws/updates']) {
    const stranger = new Client(`${url}${path}`)
    await stranger.until(() => stranger.closed).catch((error) => assert.match(error.message, /404/))
  }
  assert.equal(await history('board:7'), 401)
})
