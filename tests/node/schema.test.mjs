// Commands whose data a validator of the Standard Schema kind checks.
import assert from 'node:assert/strict'
import test from 'node:test'
import { type as arktype } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import { WebSocketManager } from 'ws_manager'
import { connect } from './support.mjs'

/** What such a validator is: an object, or a function, with '~standard'. */
function schema(validate, made = {}) {
  return Object.assign(made, { '~standard': { version: 1, vendor: 'test', validate } })
}

const image = schema((data) =>
  Number.isInteger(data?.image_id)
    ? { value: { ...data, image_id: BigInt(data.image_id) } }
    : { issues: [{ message: 'Expected a whole number', path: ['image_id'] }] },
)

async function answers(t, prepare, ...commands) {
  const manager = new WebSocketManager()
  manager.logger = { debug() {}, info() {}, warn() {}, error: (...parts) => assert.fail(parts.join(' ')) }
  prepare(manager)
  const port = await manager.listen({ port: 0 })
  t.after(() => manager.stop(0))
  const client = await connect(t, `ws://127.0.0.1:${port}/ws`)
  const found = []
  for (const command of commands) {
    client.send(command)
    found.push((await client.next((message) => message.type === 'reply' || message.type === 'error')).data)
  }
  return found
}

test('what fits comes as the schema has made it, what does not is a bad_request', async (t) => {
  const [good, bad] = await answers(
    t,
    (manager) => manager.onCommand('cancel', image, (connection, { image_id }) => typeof image_id + image_id),
    { action: 'cancel', image_id: 7 },
    { action: 'cancel', image_id: 'seven' },
  )
  assert.equal(good, 'bigint7')
  assert.deepEqual(bad, { code: 'bad_request', message: 'image_id: Expected a whole number', action: 'cancel' })
})

const real = {
  zod: z.object({ image_id: z.number().int(), items: z.array(z.object({ name: z.string() })).default([]) }),
  valibot: v.object({
    image_id: v.pipe(v.number(), v.integer()),
    items: v.optional(v.array(v.object({ name: v.string() })), []),
  }),
  arktype: arktype({
    image_id: 'number.integer',
    items: arktype({ name: 'string' })
      .array()
      .default(() => []),
  }),
}

for (const [name, validator] of Object.entries(real)) {
  test(`a schema of ${name}`, async (t) => {
    const [good, bad, deep] = await answers(
      t,
      (manager) => manager.onCommand('cancel', validator, (connection, data) => data),
      { action: 'cancel', image_id: 7 },
      { action: 'cancel', image_id: 'seven' },
      { action: 'cancel', image_id: 7, items: [{ name: 5 }] },
    )
    assert.deepEqual(good, { image_id: 7, items: [] })
    assert.equal(bad.code, 'bad_request')
    assert.match(bad.message, /^image_id: ./)
    assert.match(deep.message, /^items\[0\]\.name: ./)
  })
}

test('asynchronous validators, validators that are functions, paths and many issues', async (t) => {
  const issues = [
    { message: 'Required', path: [{ key: 'items' }, 0, 'name'] },
    { message: 'Not so' },
    { message: 'c', path: ['c'] },
    { message: 'd', path: ['d'] },
  ]
  const [later, many] = await answers(
    t,
    (manager) => {
      manager.onCommand(
        'later',
        schema(
          async (value) => ({ value }),
          () => {},
        ),
        async (connection, data) => data,
      )
      manager.onCommand(
        'many',
        schema(async () => ({ issues })),
        () => 'never',
      )
    },
    { action: 'later', data: [1] },
    { action: 'many' },
  )
  assert.deepEqual(later, [1])
  assert.equal(many.message, 'items[0].name: Required; data: Not so; c: c (and 1 more)')
})

test('messages may be checked, too', async (t) => {
  const [bad] = await answers(t, (manager) => manager.onMessage(image, () => {}), { id: 1, image_id: 'x' })
  assert.equal(bad.code, 'bad_request')
})

test('what is no such validator is refused at once', () => {
  const manager = new WebSocketManager()
  assert.throws(() => manager.onCommand('x', { parse() {} }, () => {}), {
    name: 'TypeError',
    message: /Standard Schema/,
  })
  assert.throws(() => manager.onCommand('x', image), { name: 'TypeError' })
})

test("errors that are the client's business are told, others are not", async (t) => {
  const found = await answers(
    t,
    (manager) =>
      manager.onCommand('fail', (connection, { status, code }) => {
        throw Object.assign(new Error('said so'), { status, code })
      }),
    { action: 'fail', status: 403 },
    { action: 'fail', code: 4401 },
    { action: 'fail', status: 404 },
  )
  assert.deepEqual(
    found.map(({ code, message }) => [code, message]),
    [
      ['forbidden', 'said so'],
      ['forbidden', 'said so'],
      ['bad_request', 'said so'],
    ],
  )
})
