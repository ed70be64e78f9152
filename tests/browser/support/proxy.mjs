// A TCP proxy in front of a server, that does to connections what networks do: cuts them, swallows them, slows them down, or lets no
// WebSocket through.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/** One that ends already can't be reset: libuv refuses, and Node then never closes it and never ends. */
function reset(socket) {
  if (socket.readyState === 'open' && !socket.writableEnded && !socket.readableEnded) socket.resetAndDestroy()
  else socket.destroy()
}

export class Proxy {
  constructor(target) {
    this.target = target
    this.pairs = new Set()
    this.frozen = false
    /** What an upgrade is answered with, in place of the server: an HTTP status; 0: the server's own answer. */
    this.refusing = 0
    /** Milliseconds by which each piece is late, and bytes per second; 0: not at all. */
    this.delay = 0
    this.rate = 0
    this.upgrades = 0
  }

  static async of(t, server) {
    const proxy = new Proxy(server.port)
    t.after(() => proxy.close())
    return proxy.start()
  }

  async start() {
    this.listener = createServer((socket) => this.carry(socket)).listen(this.port ?? 0, '127.0.0.1')
    await once(this.listener, 'listening')
    this.port = this.listener.address().port
    return this
  }

  url(path = '/', host = '127.0.0.1') {
    return `http://${host}:${this.port}${path}`
  }

  /** Each connection ends at once (RST). */
  cut() {
    for (const pair of this.pairs) for (const socket of pair) reset(socket)
  }

  /** Nothing comes through any more, in either direction, and nobody is told: half-open TCP. New connections are swallowed, too. */
  freeze() {
    this.frozen = true
    for (const pair of this.pairs) for (const socket of pair) socket.pause()
  }

  /** New connections come through again; what was frozen stays so, as a NAT that has forgotten them. */
  thaw() {
    this.frozen = false
  }

  close() {
    this.closed = true
    this.listener.close()
    for (const pair of this.pairs) for (const socket of pair) socket.destroy()
  }

  carry(client) {
    if (this.closed) return client.destroy()
    const pair = [client]
    this.pairs.add(pair)
    const end = () => {
      this.pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    client.on('error', end).on('close', end)
    if (this.frozen) return client
    client.once('data', (head) => {
      if (/^upgrade: *websocket/im.test(head.toString('latin1'))) {
        this.upgrades++
        if (this.refusing) {
          client.end(`HTTP/1.1 ${this.refusing} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
          return
        }
      }
      const server = connect(this.target, '127.0.0.1')
      pair.push(server)
      server.on('error', end).on('close', end)
      server.write(head)
      this.pipe(client, server)
      this.pipe(server, client)
    })
    return client
  }

  pipe(from, to) {
    from.on('data', (data) => {
      if (!this.delay && !this.rate) {
        if (!to.write(data)) {
          from.pause()
          to.once('drain', () => this.resume(from))
        }
        return
      }
      from.pause() // one piece at a time: order stays
      setTimeout(
        () => {
          to.write(data)
          this.resume(from)
        },
        this.delay + (this.rate ? (1000 * data.length) / this.rate : 0),
      )
    })
  }

  resume(socket) {
    if (!this.frozen) socket.resume()
  }
}
