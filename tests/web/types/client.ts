// What the types of ws_manager/client must accept and refuse. package.test.ts compiles it against the packed tarball.
import { createClient, type EventMap, type Handler, type Message, type MessageOf } from 'ws_manager/client'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(..._: Same<A, B> extends true ? [] : ['these are not the same type']): void {}

const client = createClient({ url: '/ws' })

// Nested events: the data is that of the catalogue.
client.on('pipeline_update', (event) => {
  same<typeof event.type, 'pipeline_update'>()
  same<typeof event.data.status, string>()
  same<typeof event.data.progress, number | null | undefined>()
  same<typeof event.pipeline_id, string | undefined>()
  same<typeof event.offset, number | undefined>()
  // @ts-expect-error no such member
  void event.data.statsu
})

// Flat events: members stand at the top level and in `data`.
client.on('processing_progress', (event) => {
  same<typeof event.progress, number>()
  same<typeof event.data.progress, number>()
  same<typeof event.eta_seconds, number | null | undefined>()
  // @ts-expect-error a number
  const text: string = event.progress
  void text
})

// A default of the catalogue is filled in by who sends; dates are texts.
client.on('pipeline_error_update', ({ data }) => same<typeof data.severity, string>())
client.on('execution_update', ({ data }) => same<typeof data.updated_at, string | undefined>())
client.on('connected', ({ data }) => same<typeof data.client_id, string>())

// Any other name: data is what one says it is.
client.on('something_else', (event) => {
  same<typeof event.data, any>()
  same<typeof event.type, 'something_else'>()
})
client.on('*', (event) => same<typeof event.type, string>())
client.on('*', (event: Message) => void event)
declare const name: string
client.on(name, (event) => void event.data.whatever)

// A handler may know more of the data than the catalogue does, not something else.
interface Switched {
  pipeline_id: string
  status: 'on' | 'off'
}
client.on('pipeline_update', (event: Message<'pipeline_update', Switched>) => void event)
const handler: Handler<'job_progress'> = (event) => same<typeof event.data.job_id, string>()
client.on('job_progress', handler)
// @ts-expect-error not the event's data
client.on('pipeline_update', (event: Message<'pipeline_update', { status: number }>) => void event)
// @ts-expect-error the handler of another event
client.on('story_created', handler)
// @ts-expect-error a handler is a function
client.on('pipeline_update', 'log')

// Rooms and requests.
const room = client.subscribe('project:1', (event) => void event.data.anything, { since: { epoch: 'e', offset: 1 } })
room.unsubscribe()
const answer: Promise<{ cancelled: boolean }> = client.request<{ cancelled: boolean }>('cancel', { id: 1 })
void answer
void client.history('logs', { limit: 10 }).then(({ messages }) => same<typeof messages, Message[]>())
// @ts-expect-error an address is needed
createClient({})
// @ts-expect-error no such option
createClient({ url: '/ws', reconect: true })
// @ts-expect-error no such policy
createClient({ url: '/ws', queuePolicy: 'drop' })
// Another WebSocket: the runtime's, one on top of it, or one of a test.
createClient({ url: '/ws', WebSocket })
createClient({ url: '/ws', WebSocket: class extends WebSocket {} })
same<typeof client.status, 'connecting' | 'connected' | 'reconnecting' | 'degraded' | 'disconnected' | 'failed'>()

// Own events, by declaration merging; further members of one of the catalogue's.
declare module 'ws_manager/client' {
  interface EventMap {
    order_paid: { order_id: string; amount: number }
  }
  interface FlatEventMap {
    sensor_read: { celsius: number }
  }
  interface StoryCreatedData {
    points?: number
  }
}
client.on('order_paid', (event) => {
  same<typeof event.data.amount, number>()
  // @ts-expect-error no such member
  void event.data.total
})
client.on('sensor_read', (event) => same<typeof event.celsius, number>())
client.on('story_created', (event) => same<typeof event.data.points, number | undefined>())
same<EventMap['order_paid']['order_id'], string>()
same<MessageOf<'sensor_read'>['data'], { celsius: number }>()

// Who published a message, and where an application's own object stands.
client.on('chat_message', ({ from, '@position': place }) => {
  const who: string | null | undefined = from?.user_id
  const room: string | undefined = place?.room
  // @ts-expect-error: a client has an id, but no name
  void [who, room, from?.name]
})
