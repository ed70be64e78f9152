// Questions are promises: the event loop goes on while they wait, however many they are, and a stop ends them.
import assert from 'node:assert/strict'
import { stat } from 'node:fs'
import test from 'node:test'
import { NotRunning, WebSocketManager } from 'ws_manager'

function made(t) {
  const manager = new WebSocketManager()
  t.after(() => manager.stop(0))
  return manager
}

test('the loop goes on while a question waits', async (t) => {
  const manager = made(t)
  await manager.stats() // it runs
  const turned = await new Promise((resolve, reject) => {
    // From here the loop comes to setImmediate() before it can hear of any answer.
    stat('.', () => {
      let turned = false
      setImmediate(() => (turned = true))
      manager.position('r').then(() => resolve(turned), reject)
    })
  })
  assert.equal(turned, true)
})

test('as many as one likes may be asked at once', async (t) => {
  const manager = made(t)
  await manager.sendToRoom('r', { n: 1 })
  const positions = await Promise.all(Array.from({ length: 3000 }, () => manager.position('r')))
  assert.deepEqual(new Set(positions.map(({ offset }) => offset)), new Set([1]))
})

test('a stop ends those that wait', async (t) => {
  const manager = made(t)
  await manager.stats()
  const asked = Promise.allSettled(Array.from({ length: 200 }, () => manager.history('r')))
  await manager.stop(0)
  for (const { value, reason } of await asked)
    assert.ok(value?.messages ?? reason instanceof NotRunning, String(reason))
  await assert.rejects(manager.history('r'), NotRunning)
})
