// A Node server, steered over lines of JSON: tests/harness/host.py's like for the measurements of Node.
//
//     node --expose-gc host.mjs <project with ws_manager, ws and socket.io> ours|ws|socketio|none [heartbeat in seconds]
//
// It prints {"port": P} once it listens, then answers one line per command:
//
//     {"do": "idle", "seconds": S}                                 delay of the event loop while nothing is to be done
//     {"do": "broadcast", "tick_ms": T, "seconds": S, "size": B}   one message to all every T ms: CPU of the process, and the delay
//     {"do": "calls", "calls": N, "per_tick": K, "tick_ms": T, "size": B}   what one call costs the thread that makes it
//     {"do": "memory"}                                             resident memory, after the garbage collector
//     {"do": "compute", "seconds": S}                              the main thread does nothing else for S seconds
//
// `ws` and `socketio` are what people write with them: JSON.stringify() once and a loop over wss.clients; io.emit().
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { readFileSync } from 'node:fs'

const RESOLUTION = 1 // milliseconds; what the histogram shows for a loop that is never late
const [project, kind, heartbeat = '30'] = process.argv.slice(2)
const require = createRequire(`${project}/package.json`)
const now = () => Number(process.hrtime.bigint()) / 1000

/** Data whose message has about `size` bytes on the wire. */
const data = (size, around) => ({
  mono_ns: Number(process.hrtime.bigint()),
  pad: 'a'.repeat(Math.max(size - around, 1)),
})
const SENDERS = {
  none: () => ({ send: () => {} }),
  async ours(server) {
    const { wsManager } = require('ws_manager')
    wsManager.configure({
      maxConnections: 1_000_000,
      maxConnectionsPerIp: 1_000_000,
      heartbeatInterval: Number(heartbeat),
      timeout: Number(heartbeat) * 3,
    })
    await wsManager.attach(server)
    wsManager.start()
    return { around: 173, send: (message) => wsManager.notify('bench', message) }
  },
  ws(server) {
    const { WebSocketServer } = require('ws')
    const wss = new WebSocketServer({ server, path: '/ws' })
    const send = (message) => {
      const event = { type: 'bench', data: message, timestamp: new Date().toISOString(), message_id: randomUUID() }
      const text = JSON.stringify(event)
      for (const client of wss.clients) if (client.readyState === 1) client.send(text)
    }
    return { around: 155, send }
  },
  socketio(server) {
    const { Server } = require('socket.io')
    const io = new Server(server, { pingInterval: 300_000, transports: ['websocket'] })
    const send = (message) =>
      io.emit('bench', { data: message, timestamp: new Date().toISOString(), message_id: randomUUID() })
    return { around: 150, send }
  },
}

const server = createServer((request, response) => response.writeHead(404).end())
const { send, around = 0 } = await SENDERS[kind](server)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
await once(server, 'listening')

/** How long this process's main thread was ready to run while others had its core, in milliseconds. */
const waited = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6

async function delayed(work) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  const [cpu, start, before] = [process.cpuUsage(), now(), waited()]
  histogram.enable()
  const result = await work()
  histogram.disable()
  const late = (percent) => Math.max(histogram.percentile(percent) / 1000 - RESOLUTION * 1000, 0)
  const seconds = (now() - start) / 1e6
  const waited_ms = waited() - before
  await sleep(300) // what was sent last is on its way
  const { user, system } = process.cpuUsage(cpu)
  const cpu_seconds = (user + system) / 1e6
  return { ...result, seconds, cpu_seconds, waited_ms, delay_p50_us: late(50), delay_p99_us: late(99) }
}

const commands = {
  idle: ({ seconds }) => delayed(() => sleep(seconds * 1000)),

  broadcast: ({ tick_ms, seconds, size }) =>
    delayed(async () => {
      const tick = tick_ms * 1000
      const start = now()
      let due = start
      let sent = 0
      for (let time = start; time - start < seconds * 1e6; time = now()) {
        while (due <= time) {
          due = Math.max(due + tick, time - 100_000) // a loop that wakes late catches up
          send(data(size, around))
          sent++
          if (kind !== 'ours') break // these are as fast as they can
        }
        await sleep(Math.max((due - now()) / 1000, 0))
      }
      return { sent }
    }),

  async calls({ calls, per_tick, tick_ms, size }) {
    const clock = Math.min(...Array.from({ length: 1000 }, () => -(now() - now())))
    const spent = []
    for (let number = 1; number <= calls; number++) {
      const message = data(size, around)
      const before = now()
      send(message)
      spent.push(Math.max(now() - before - clock, 0))
      if (number % per_tick === 0) await sleep(tick_ms)
    }
    spent.sort((a, b) => a - b)
    return { wall_p50_us: spent[spent.length >> 1], wall_p99_us: spent[Math.floor(spent.length * 0.99)] }
  },

  async memory() {
    for (let round = 0; round < 3; round++) {
      globalThis.gc()
      await sleep(100)
    }
    return { rss: process.memoryUsage.rss() }
  },

  compute({ seconds }) {
    for (const end = now() + seconds * 1e6; now() < end;);
    return { computed: seconds }
  },
}

// The compiler has seen these calls before anything is measured.
for (let tick = 0; tick < 100; tick++) {
  for (let i = 0; i < 100; i++) send(data(300, around))
  await sleep(1)
}
console.log(JSON.stringify({ port: server.address().port }))
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  let answer
  try {
    answer = await commands[command.do](command)
  } catch (error) {
    answer = { error: String(error) } // the other side waits for a line
  }
  console.log(JSON.stringify(answer))
}
process.exit(0)
