// The browser's own WebSocket, with what every page needs around it: reconnection, recovery by position, a watch for silence.
import type { Positions } from '@/lib/types'

export interface Message {
  type?: string
  event_type?: string
  message_id: string
  timestamp: string
  room?: string
  offset?: number
  epoch?: string
  id?: number
  data: Record<string, unknown>
  [member: string]: unknown
}

export type Status = 'connecting' | 'live' | 'reconnecting'

const SILENCE_MS = 75_000 // two heartbeats and a half
const GREETING_MS = 10_000 // for a connection to be greeted
const FIRST_MS = 500
const LONGEST_MS = 15_000

export class LiveSocket {
  status: Status = 'connecting'
  onMessage: (message: Message) => void = () => {}
  onStatus: () => void = () => {}
  /** What was missed is not there any more: load everything anew. */
  onLost: () => void = () => {}

  private socket: WebSocket | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempts = 0
  private heard = 0
  private asked = 0
  private greetedYet = false
  private waiting = new Map<number, (message: Message) => void>()

  constructor(
    private readonly path: string,
    private positions: Positions,
  ) {}

  open(): void {
    const resume = btoa(JSON.stringify(this.positions)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
    const url = `${location.origin.replace(/^http/, 'ws')}${this.path}?resume=${resume}`
    const socket = new WebSocket(url)
    this.socket = socket
    this.heard = Date.now()
    this.greetedYet = false
    socket.onmessage = (event) => this.receive(JSON.parse(event.data as string) as Message)
    socket.onclose = () => {
      if (this.socket === socket) this.retry()
    }
    clearInterval(this.timer)
    this.timer = setInterval(() => {
      if (Date.now() - this.heard > (this.greetedYet ? SILENCE_MS : GREETING_MS)) this.giveUp(socket)
    }, 2000)
  }

  close(): void {
    clearInterval(this.timer)
    const socket = this.socket
    this.socket = null
    socket?.close()
  }

  // Not by waiting for its close event: a connection that is dead may take minutes for that.
  private giveUp(socket: WebSocket): void {
    socket.onmessage = socket.onclose = null
    socket.close()
    this.retry()
  }

  /** Positions of a new snapshot of everything. */
  restart(positions: Positions): void {
    this.positions = { ...positions }
    this.close()
    this.open()
  }

  /** A command to the server, and its reply. */
  ask(action: string, fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (this.socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Error('not connected at the moment'))
    const id = ++this.asked
    this.socket.send(JSON.stringify({ action, ...fields, id }))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id)
        reject(new Error('the server did not answer'))
      }, 10_000)
      this.waiting.set(id, (message) => {
        clearTimeout(timer)
        this.waiting.delete(id)
        if (message.type === 'error') reject(new Error(String(message.data.message)))
        else resolve(message.data)
      })
    })
  }

  private set(status: Status): void {
    if (status === this.status) return
    this.status = status
    this.onStatus()
  }

  // Full jitter: a server that comes back is not met by everybody at once.
  private retry(): void {
    this.set('reconnecting')
    clearInterval(this.timer)
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.attempts++)
    this.timer = setTimeout(() => this.open(), Math.random() * longest)
  }

  private receive(message: Message): void {
    this.heard = Date.now()
    if (message.type === 'connected') this.greeted(message)
    if (message.id !== undefined) this.waiting.get(message.id)?.(message)
    const known = message.room === undefined ? undefined : this.positions[message.room]
    if (known && message.offset !== undefined) {
      if (message.epoch === undefined && message.offset <= known[1]) return // seen already
      this.positions[message.room as string] = [message.epoch ?? known[0], message.offset]
    }
    this.onMessage(message)
  }

  private greeted(message: Message): void {
    const rooms = message.data.rooms as Record<string, { epoch: string; offset: number; recovered: boolean }>
    this.attempts = 0
    this.greetedYet = true
    this.set('live')
    if (Object.keys(this.positions).some((room) => rooms[room] && !rooms[room].recovered)) this.onLost()
  }
}
