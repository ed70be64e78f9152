// One WebSocket that comes back: full-jitter backoff, heartbeat watch, and recovery of what was missed by position.
// Protocol: docs/protocol.md of ws_manager. Nothing in here knows about pipelines or the page.

const BACKOFF_FIRST = 1000, BACKOFF_MAX = 30_000 // ms
const SILENCE_MAX = 45_000 // ms without anything heard; the server's heartbeat comes every 30 s
const REPLY_MAX = 20_000 // ms
const FINAL = new Set([4400, 4401, 4403, 4409]) // close codes after which trying again makes no sense
const REMEMBERED = 4000 // message ids kept to recognise duplicates

const base64url = text => btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')

/**
 * Events (addEventListener): 'state' {state, retryIn?, recovered?, reason?}, 'message' (one of the host's messages),
 * 'gap' (something was missed for good: load the state anew), 'ready' {first, recovered} when connected and subscribed.
 * state: connecting, connected, resumed, gap, reconnecting, failed.
 */
export class LiveSocket extends EventTarget {
  #path; #rooms = new Set(); #socket = null; #timer = 0; #watch = 0; #tries = 0; #everConnected = false
  #positions = new Map() // room → [epoch, offset]: what this page has seen
  #seen = new Set() // message ids, oldest first
  #waiting = new Map() // command id → {resolve, reject, timer}
  #nextId = 1
  #round = null // what one connection's start has brought: rooms that are still to answer, messages recovered, gap
  state = 'connecting'
  clientId = ''
  counters = { received: 0, duplicates: 0, recovered: 0, connections: 0 }

  constructor(path) {
    super()
    this.#path = path
    addEventListener('online', () => this.reconnect())
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.state === 'reconnecting') this.reconnect()
    })
  }

  get positions() { return this.#positions }

  /** Rooms to be in, now and after each reconnection. */
  join(...rooms) {
    for (const room of rooms) {
      if (this.#rooms.has(room)) continue
      this.#rooms.add(room)
      if (this.isOpen) this.#subscribe(room)
    }
  }

  get isOpen() { return this.#socket?.readyState === WebSocket.OPEN }

  connect() {
    clearTimeout(this.#timer)
    this.#discard()
    const url = new URL(this.#path, location.href)
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const own = [...this.#positions].filter(([room]) => room.startsWith('@')) // the others are named at subscription
    if (own.length) url.searchParams.set('resume', base64url(JSON.stringify(Object.fromEntries(own))))
    const socket = this.#socket = new WebSocket(url)
    if (!this.#everConnected) this.#setState('connecting')
    socket.onmessage = event => this.#receive(event.data)
    socket.onclose = event => this.#closed(event)
    this.#heard()
  }

  /** Try at once instead of when the time has come. */
  reconnect() {
    if (this.isOpen || this.#socket?.readyState === WebSocket.CONNECTING) return
    this.#tries = 0
    this.connect()
  }

  /** Lose the connection as a bad network would, to see it come back. */
  drop() {
    const socket = this.#socket
    this.#discard()
    socket?.close()
    this.#retry('dropped', 3000)
  }

  /** Send a command; resolves with what the server's handler returned, rejects with an Error. */
  request(action, data = {}) {
    if (!this.isOpen) return Promise.reject(new Error('There is no connection to the server.'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new Error('The server did not answer.'))
      }, REPLY_MAX)
      this.#waiting.set(id, { resolve, reject, timer })
      this.#socket.send(JSON.stringify({ action, id, data, ...(action === 'history' ? data : {}) }))
    })
  }

  #setState(state, detail = {}) {
    this.state = state
    this.dispatchEvent(new CustomEvent('state', { detail: { state, ...detail } }))
  }

  #discard() {
    clearTimeout(this.#watch)
    if (this.#socket) this.#socket.onmessage = this.#socket.onclose = null
    if (this.#socket && this.#socket.readyState < WebSocket.CLOSING) this.#socket.close()
    this.#socket = null
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(new Error('The connection was lost before the answer came.'))
    }
    this.#waiting.clear()
  }

  #heard() {
    clearTimeout(this.#watch)
    this.#watch = setTimeout(() => {
      this.#discard()
      this.#retry('nothing heard for too long')
    }, SILENCE_MAX)
  }

  #closed(event) {
    this.#discard()
    if (FINAL.has(event.code)) return this.#setState('failed', { reason: event.reason || `closed with ${event.code}` })
    this.#retry(event.reason)
  }

  #retry(reason, least = 0) {
    const most = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** this.#tries++)
    const retryIn = Math.max(least, Math.round(Math.random() * most), 200)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.connect(), retryIn)
    this.#setState('reconnecting', { retryIn, reason })
  }

  #receive(text) {
    this.#heard()
    let message
    try {
      message = JSON.parse(text)
    } catch {
      return // plain text of the host: not for this page
    }
    if (message === null || typeof message !== 'object') return
    this.counters.received++
    switch (message.type) {
      case 'connected': case 'connection': return this.#greeted(message)
      case 'subscribed': return this.#subscribed(message)
      case 'reply': case 'history': case 'error': if (this.#answered(message)) return; break
      case 'heartbeat': case 'ping': case 'pong': case 'unsubscribed': return
    }
    this.#deliver(message)
  }

  #greeted({ data }) {
    this.clientId = data.client_id
    this.counters.connections++
    this.#tries = 0
    this.#round = { first: !this.#everConnected, open: new Set(this.#rooms), recovered: 0, gap: false }
    this.#everConnected = true
    for (const [room, head] of Object.entries(data.rooms ?? {})) this.#arrived(room, head)
    for (const room of this.#rooms) this.#subscribe(room)
    this.#finishRound()
  }

  #subscribe(room) {
    const at = this.#positions.get(room)
    const since = at ? { since: { epoch: at[0], offset: at[1] } } : {}
    this.#socket.send(JSON.stringify({ action: 'subscribe', room, ...since }))
  }

  #subscribed({ data }) {
    this.#arrived(data.room, data)
    this.#round?.open.delete(data.room)
    this.#finishRound()
  }

  // Where a room stands, against what this page has seen of it. What was missed comes next as ordinary messages, and
  // moves the position itself: should the connection break in between, nothing is skipped.
  #arrived(room, { epoch, offset, recovered, replayed }) {
    if (epoch === undefined || epoch === null || epoch === '') return // keeps no history
    const at = this.#positions.get(room)
    if (at && recovered && at[0] === epoch) {
      if (this.#round) this.#round.recovered += replayed ?? Math.max(0, offset - at[1])
      return
    }
    this.#positions.set(room, [epoch, offset])
    if (at && this.#round) this.#round.gap = true
  }

  #finishRound() {
    const round = this.#round
    if (!round || round.open.size) return
    this.#round = null
    this.counters.recovered += round.recovered
    this.#setState(round.first ? 'connected' : round.gap ? 'gap' : 'resumed', { recovered: round.recovered })
    if (round.gap) this.dispatchEvent(new Event('gap'))
    this.dispatchEvent(new CustomEvent('ready', { detail: round }))
  }

  #answered(message) {
    const waiting = this.#waiting.get(message.id)
    if (!waiting) return message.type !== 'error'
    this.#waiting.delete(message.id)
    clearTimeout(waiting.timer)
    if (message.type === 'error') waiting.reject(new Error(message.data?.message ?? 'The server refused.'))
    else waiting.resolve(message.data)
    return true
  }

  #deliver(message) {
    const at = this.#positions.get(message.room)
    if (at && message.offset > at[1]) at[1] = message.offset
    if (this.isNew(message)) this.dispatchEvent(new CustomEvent('message', { detail: message }))
    else this.counters.duplicates++
  }

  /** Whether a message has not been seen yet; remembers it. */
  isNew({ message_id: id }) {
    if (!id) return true
    if (this.#seen.has(id)) return false
    this.#seen.add(id)
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value)
    return true
  }
}
