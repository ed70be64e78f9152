// Figures of this machine, once a second, from /proc.
import { readFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { wsManager } from 'ws_manager'
import { once } from './state'
import type { Sample } from './types'

const KEPT = 120

export const samples = once<Sample[]>('samples', () => [])

function cpuTimes(): [busy: number, all: number] {
  const times = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/).slice(1).map(Number)
  const all = times.slice(0, 8).reduce((sum, time) => sum + time, 0)
  return [all - times[3] - times[4], all] // idle, iowait
}

function network(): [received: number, sent: number] {
  let received = 0
  let sent = 0
  for (const line of readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2)) {
    const fields = line.trim().split(/[\s:]+/)
    if (fields.length > 9) {
      received += Number(fields[1])
      sent += Number(fields[9])
    }
  }
  return [received, sent]
}

function memoryMb(): [used: number, total: number] {
  const available = /MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))
  const free = available ? Number(available[1]) * 1024 : freemem()
  return [(totalmem() - free) / 2 ** 20, totalmem() / 2 ** 20]
}

export function watchMachine(): NodeJS.Timeout {
  let times = cpuTimes()
  let bytes = network()
  let last = Date.now()
  return setInterval(() => {
    const [now, nowTimes, nowBytes, [memory, memoryTotal]] = [Date.now(), cpuTimes(), network(), memoryMb()]
    const seconds = Math.max(0.001, (now - last) / 1000)
    const sample: Sample = {
      at: now,
      cpu: (100 * (nowTimes[0] - times[0])) / Math.max(1, nowTimes[1] - times[1]),
      memory,
      memoryTotal,
      received: (nowBytes[0] - bytes[0]) / seconds,
      sent: (nowBytes[1] - bytes[1]) / seconds,
    }
    ;[times, bytes, last] = [nowTimes, nowBytes, now]
    samples.push(sample)
    samples.splice(0, samples.length - KEPT)
    wsManager.broadcast({ event_type: 'machine', ...sample }, { conflate: 'machine', priority: 'low', history: false })
  }, 1000)
}
