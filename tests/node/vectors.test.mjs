// The shared vectors (tests/vectors, see its README): calls of the package, and the exact messages that clients then get.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { WebSocketManager, WsManagerError } from 'ws_manager'
import { Client, eventually } from './support.mjs'

const ROOT = path.resolve('../..')
const VECTORS = path.join(ROOT, 'tests/vectors')
const { families } = JSON.parse(readFileSync(path.join(ROOT, 'csrc/events/events.json')))
const FIELDS = new Map(
  families.flatMap(({ events }) => events).map(({ type, fields }) => [type, (fields ?? []).map(({ name }) => name)]),
)

const SHAPES = {
  '<timestamp>': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  '<id>': /^[0-9A-HJKMNP-TV-Z]{26}$/,
  '<epoch>': /^[A-Za-z0-9_-]{8,23}$/,
  '<text>': /^[^]+$/,
}

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
const any = () => true

/** One case under way. */
class Run {
  clients = new Map()
  kept = {}
  gone = 0

  /** whole: helpers get their data as one object, instead of the fields in order. */
  constructor(manager, whole) {
    this.manager = manager
    this.whole = whole
    manager.onDisconnect(() => this.gone++)
  }

  /** `value` with what was kept in place of "$name". */
  fill(value) {
    if (Array.isArray(value)) return value.map((item) => this.fill(item))
    if (typeof value === 'string' && value[0] === '$') return this.kept[value.slice(1)]
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.fill(item)]))
  }

  step(step) {
    return this[Object.keys(step)[0]](step)
  }

  async open({ open, path, greeting = {} }) {
    const client = new Client(`ws://127.0.0.1:${this.manager.port}${path}`)
    this.clients.set(open, client)
    if (greeting === null) return
    const first = await client.next(any)
    if (Object.keys(greeting).length > 0) same(first, greeting)
  }

  async call({ call, args = [], type, fields, data = fields, options, raises, delivery = {} }) {
    const given = fields === undefined ? args : this.whole ? [data] : FIELDS.get(type).map((name) => fields[name])
    const verb = () => this.manager[camel(call)](...given, options)
    if (raises !== undefined) {
      assert.throws(verb, (error) => error instanceof WsManagerError && error.code === raises)
      return
    }
    const got = await verb()
    for (const [name, value] of Object.entries(delivery)) assert.deepEqual(got[camel(name)], value, name)
  }

  say({ say, message, text }) {
    this.clients.get(say).send(text ?? this.fill(message))
  }

  async hear({ hear, message, text, hex, keep = {} }) {
    const heard = await this.clients.get(hear).next(any)
    if (text !== undefined) assert.equal(heard, text)
    else if (hex !== undefined) assert.deepEqual(heard, Buffer.from(hex, 'hex'))
    else same(heard, this.fill(message))
    for (const [name, place] of Object.entries(keep)) {
      this.kept[name] = place.split('.').reduce((found, part) => found[part], heard)
    }
  }

  async silence({ silence }) {
    const client = this.clients.get(silence)
    client.send({ action: 'ping' })
    assert.equal((await client.next(any)).type, 'pong')
  }

  async end({ end, code }) {
    assert.equal((await this.clients.get(end).end()).code, code)
  }

  async leave({ leave }) {
    const before = this.gone
    this.clients.get(leave).ws.close()
    this.clients.delete(leave)
    await eventually(() => this.gone > before, `onDisconnect of ${leave}`)
  }
}

/** Demands equality, shapes apart. */
function same(heard, expected, at = '') {
  if (typeof expected === 'string' && expected in SHAPES) {
    assert.match(heard, SHAPES[expected], `${at}: ${JSON.stringify(heard)} is no ${expected}`)
  } else if (Array.isArray(expected)) {
    assert.ok(Array.isArray(heard) && heard.length === expected.length, `${at}: ${JSON.stringify(heard)}`)
    for (const [index, value] of expected.entries()) same(heard[index], value, `${at}[${index}]`)
  } else if (typeof expected === 'object' && expected !== null) {
    assert.ok(typeof heard === 'object' && heard !== null, `${at}: ${JSON.stringify(heard)}`)
    assert.deepEqual(Object.keys(heard).sort(), Object.keys(expected).sort(), `members of ${at || 'the message'}`)
    for (const [name, value] of Object.entries(expected)) same(heard[name], value, `${at}.${name}`)
  } else {
    assert.deepStrictEqual(heard, expected, at)
  }
}

async function runCase(t, { config = {}, steps }, whole) {
  const manager = new WebSocketManager({ port: 0, ...config })
  manager.start()
  const run = new Run(manager, whole)
  t.after(async () => {
    for (const client of run.clients.values()) client.ws.terminate()
    await manager.stop(1)
  })
  for (const [number, step] of steps.entries()) {
    try {
      await run.step(step)
    } catch (error) {
      error.message = `step ${number}: ${JSON.stringify(step)}: ${error.message}`
      throw error
    }
  }
}

for (const file of readdirSync(VECTORS).filter((name) => name.endsWith('.json'))) {
  for (const vector of JSON.parse(readFileSync(path.join(VECTORS, file)))) {
    const name = `${path.basename(file, '.json')}: ${vector.name}`
    test(name, (t) => runCase(t, vector, false))
    if (vector.steps.some(({ fields }) => fields)) test(`${name}, as one object`, (t) => runCase(t, vector, true))
  }
}
