// A page with a recorded client in it, as a test steers and asks it.
import assert from 'node:assert/strict'
import { open } from './browser.mjs'
import { judge } from './oracle.mjs'
import { LONG, until } from './server.mjs'

export class Recorded {
  /** Opens the recorder's page at `server` (or through a proxy) and makes a client. options: of createClient(), and `rooms`. */
  static async of(t, context, server, options = {}, { host, path = '/pages/plain.html' } = {}) {
    const page = await open(t, context, server.url(path, host))
    const recorded = new Recorded(page)
    await recorded.make('main', options)
    return recorded
  }

  constructor(page, name = 'main') {
    Object.assign(this, { page, name })
  }

  /** A client of the page. Functions among the options are given as text: `getToken: '() => …'`. */
  async make(name, options) {
    await this.page.waitForFunction(() => globalThis.record, null, { polling: 20 })
    await this.page.evaluate(
      ([name, options]) => {
        for (const key of ['url', 'getToken'])
          if (/=>/.test(options[key])) options[key] = (0, eval)(`(${options[key]})`)
        record(name, options)
      },
      [name, options],
    )
  }

  get log() {
    return this.page.evaluate((name) => clients[name].log, this.name)
  }

  get shown() {
    return this.page.evaluate(() => shown)
  }

  get status() {
    return this.page.evaluate((name) => clients[name].client.status, this.name)
  }

  /** Calls a method of the client: call('send', 'echo', { value: 1 }). */
  call(method, ...args) {
    return this.page.evaluate(
      ([name, method, args]) => clients[name].client[method](...args),
      [this.name, method, args.map((each) => each ?? null)],
    )
  }

  /** Waits until `look(log, client, arg)` of the page is true. */
  async until(look, arg, limit = LONG) {
    const source = `([name, arg]) => (${look})(clients[name].log, clients[name].client, arg)`
    await this.page.waitForFunction((0, eval)(source), [this.name, arg], { polling: 25, timeout: limit })
  }

  /** Waits until it is, or since the last wait has been, in that state: after a cut it may be back before anybody looks. */
  async reaches(status) {
    await this.page.waitForFunction(
      ([name, status]) => {
        const own = clients[name]
        const at = own.log.findIndex((entry, i) => i >= (own.waited ?? 0) && entry.status === status)
        if (at < 0 && own.client.status !== status) return false
        own.waited = at < 0 ? own.log.length : at + 1
        return true
      },
      [this.name, status],
      { polling: 25, timeout: LONG },
    )
  }

  /** Waits for `count` further messages with a number in them. */
  async hears(count = 1) {
    const before = await this.page.evaluate((name) => clients[name].log.length, this.name)
    await this.until(
      (log, _client, [before, count]) => log.slice(before).filter((entry) => entry.type === 'tick').length >= count,
      [before, count],
    )
    await this.page.evaluate((name) => void (clients[name].waited = clients[name].log.length), this.name)
  }

  /** Waits until the client is where the rooms are, and says what the oracle found. */
  async judged(server, rooms) {
    const positions = {}
    for (const room of rooms) positions[room] = await server.position(room)
    let verdict
    await until(
      async () => (verdict = judge(await this.log, positions)).silent.every((line) => !/: ended at /.test(line)),
      'the client has come to the last message',
      20_000,
    ).catch(() => {})
    return verdict
  }

  /** The same, and nothing may be wrong. */
  async isWhole(server, rooms) {
    const verdict = await this.judged(server, rooms)
    assert.deepEqual({ silent: verdict.silent, duplicates: verdict.duplicates }, { silent: [], duplicates: [] })
    return verdict
  }
}
