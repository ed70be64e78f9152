// SIGTERM and SIGINT: clients are told before the process ends, unless somebody else handles the signal.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'
import WebSocket from 'ws'
import { AT_START, eventually } from './support.mjs'

/** A server of its own process, which says its port, and a client of it. */
async function running(t, { attach = 'undefined', before = '', after = '', start } = {}) {
  const source = `import { createServer } from 'node:http'
    import { wsManager } from 'ws_manager'
    ${before}
    const server = createServer()
    ${start ?? `await wsManager.attach(server, ${attach})`}
    ${after}
    ${start ? '' : "server.listen(0, '127.0.0.1', () => console.log(server.address().port))"}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  const gone = once(child, 'close').then(([code, signal]) => ({ code, signal, said: said.replace(AT_START, '') }))
  const port = Number((await once(child.stdout, 'data'))[0])
  child.stdout.on('data', (data) => (said += data))
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  await once(client, 'message')
  const closed = once(client, 'close').then(([code]) => code)
  return { child, gone, closed, client }
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  for (const [name, options] of Object.entries({
    'attach()': {},
    'listen()': { start: 'console.log(await wsManager.listen())' },
  })) {
    test(`${signal} with ${name}: clients hear 1001, and the process ends by the signal`, async (t) => {
      const { child, gone, closed } = await running(t, options)
      child.kill(signal)
      assert.equal(await closed, 1001)
      assert.deepEqual(await gone, { code: null, signal, said: '' })
    })
  }
}

test('as process 1, whom no unhandled signal ends, it exits with what a shell calls that signal', async (t) => {
  const before = `Object.defineProperty(process, 'pid', { value: 1 }); process.kill = () => {}`
  const { child, gone, closed } = await running(t, { before })
  child.kill('SIGTERM')
  assert.equal(await closed, 1001)
  await eventually(() => child.exitCode !== null, 'the end of the process')
  assert.deepEqual(await gone, { code: 143, signal: null, said: '' })
})

test('with signals: false it is as without us', async (t) => {
  const { child, gone, closed } = await running(t, { attach: '{ signals: false }' })
  child.kill('SIGTERM')
  assert.equal(await closed, 1006)
  assert.equal((await gone).signal, 'SIGTERM')
})

for (const order of ['before', 'after']) {
  test(`who handles the signal itself, ${order} attach(), says when it is over, and calls stop()`, async (t) => {
    const { child, gone, closed } = await running(t, {
      [order]: `process.on('SIGTERM', async () => {
        await new Promise((resolve) => setTimeout(resolve, 100)) // the application's own work
        console.log('draining', wsManager.draining)
        await wsManager.stop()
        process.exit(7)
      })`,
    })
    child.kill('SIGTERM')
    assert.equal(await closed, 1001)
    assert.deepEqual(await gone, { code: 7, signal: null, said: 'draining false\n' })
  })
}

test('frameworks that end their own work, take their handler away and send the signal again', async (t) => {
  // So does Nest with enableShutdownHooks().
  const { child, gone, closed } = await running(t, {
    before: `const cleanup = async (signal) => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        process.removeListener(signal, cleanup)
        process.kill(process.pid, signal)
      }
      process.on('SIGTERM', cleanup)`,
  })
  child.kill('SIGTERM')
  assert.equal(await closed, 1001)
  assert.equal((await gone).signal, 'SIGTERM')
})

test('the listeners of signal-exit act only where they are alone: neither waits for the other', async (t) => {
  const { child, gone, closed } = await running(t, {
    // What both of its lines, 3 and 4, do.
    before: `const emitter = (process.__signal_exit_emitter__ = { count: 1 })
      const listener = () => {
        if (process.listeners('SIGTERM').length !== emitter.count) return
        process.removeListener('SIGTERM', listener)
        console.log('tidied up')
        process.kill(process.pid, 'SIGTERM')
      }
      process.on('SIGTERM', listener)`,
  })
  child.kill('SIGTERM')
  assert.equal(await closed, 1001)
  assert.deepEqual(await gone, { code: null, signal: 'SIGTERM', said: 'tidied up\n' })
})

test('a second signal ends it at once', async (t) => {
  const { child, gone, client } = await running(t)
  client.pause() // its close is never answered
  child.kill('SIGTERM')
  const first = Date.now()
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.equal(child.exitCode, null)
  child.kill('SIGTERM')
  assert.equal((await gone).signal, 'SIGTERM')
  assert.ok(Date.now() - first < 4000)
})
