// @vitest-environment jsdom
// Whatever comes, a page stays: each component gets each event of the catalogue with everything that can be wrong in it.
import { act, cleanup, fireEvent, render } from '@testing-library/react'
import { toast } from 'sonner'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  ConnectionStatus,
  LogStream,
  NotificationCenter,
  PipelineMonitor,
  ProcessingStatus,
  WebSocketProvider,
  useAllProcessingStates,
  useEvent,
  useHasActiveProcessing,
  useNotifications,
  usePipeline,
  useProcessingState,
  useRoom,
  useSystemStatus,
  useWebSocket,
  useWebSocketContext,
} from '../../node/react/index.js'
import { EventToasts } from '../../node/react/toasts.js'
import { BAD_VALUES, EVENTS, ID, faults, goodMessage, mutated } from './catalogue.js'
import { FakeSocket } from './fake_server.js'

/** The real one: whoever runs the tests must hear of them while they last. */
const breathe = setImmediate
let n = 0
const errors: string[] = []
const warnings: string[] = []

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  vi.stubGlobal('reportError', (error: Error) => errors.push(String(error.stack)))
  vi.spyOn(console, 'error').mockImplementation((...text) => void errors.push(text.map(String).join(' ').slice(0, 600)))
  vi.spyOn(console, 'warn').mockImplementation((...text) => void warnings.push(text.join(' ')))
  FakeSocket.all = []
  errors.length = 0
  warnings.length = 0
})
afterEach(async () => {
  cleanup()
  await vi.advanceTimersByTimeAsync(2000)
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** What a page makes of the hooks: as their types say, without a look at what it gets. */
function Hooks() {
  const processing = useProcessingState(ID)
  const all = useAllProcessingStates()
  const system = useSystemStatus()
  const pipeline = usePipeline(ID)
  const { notifications } = useNotifications()
  const { userId, clientId, error } = useWebSocket()
  const { systemStatus } = useWebSocketContext()
  useEvent('*', () => {})
  useRoom('logs', { log_message: () => {} })
  return (
    <output>
      {String(useHasActiveProcessing())} {processing?.imageId} {processing?.status} {processing?.progress.toFixed(1)}
      {processing?.currentStep.trim()} {processing?.etaSeconds?.toFixed(1)} {processing?.algorithm}
      {processing?.resultId} {processing?.error}
      {all.map((each) => (
        <i key={each.imageId}>{each.progress.toFixed(0)}</i>
      ))}
      {system?.gpu_utilization?.toFixed(1)} {system?.queue_length ?? 0} {systemStatus?.gpu_memory_total_mb}
      {systemStatus?.active_processing_count}
      {pipeline.status} {pipeline.fps?.toFixed(1)} {pipeline.frameId?.toFixed(0)} {pipeline.detections?.toFixed(0)}
      {pipeline.frameTime?.toFixed(0)} {pipeline.error?.trim()}
      {pipeline.history.map((fps) => fps.toFixed(0)).join()}
      {Object.entries(pipeline.analytics).map(([node, { node_type, people_count, trend }]) => (
        <i key={node}>
          {node_type} {people_count} {trend}
        </i>
      ))}
      {notifications.map(({ id, title, message, created_at, action }) => (
        <i key={id}>
          {title.trim()} {message.trim()} {created_at.slice(0, 10)} {action?.label ?? action?.type}
        </i>
      ))}
      {userId} {clientId} {error?.message}
    </output>
  )
}

const PARTS = {
  '.wsm-status': <ConnectionStatus />,
  '.wsm-notifications': <NotificationCenter rooms={['*']} onAction={() => {}} />,
  '.wsm-pipeline': <PipelineMonitor pipelineId={ID} onStop={() => {}} />,
  '.wsm-processing': <ProcessingStatus imageId={ID} />,
  '.wsm-log': <LogStream room={null} limit={50} />,
  output: <Hooks />,
  section: <EventToasts rooms={['*']} visibleToasts={3} />, // what sonner makes
}

async function page() {
  const shown = render(
    <WebSocketProvider wsUrl={`ws://mutations-${++n}/ws`}>
      {Object.entries(PARTS).map(([name, part]) => (
        <div key={name}>{part}</div>
      ))}
    </WebSocketProvider>,
  )
  await act(() => vi.advanceTimersByTimeAsync(0))
  act(() => void FakeSocket.last.greet())
  fireEvent.click(shown.getByRole('button', { name: 'Notifications' }))
  return shown
}

/** Each part is there, has not fallen back to less, and shows no remains of what it could not read. */
function check(container: Element, what: string) {
  for (const name of Object.keys(PARTS))
    if (!container.querySelector(name)) throw new Error(`${name} has gone: ${what}`)
  expect(container.querySelector('.wsm-fallen'), what).toBeNull()
  const text =
    document.body.textContent +
    [...document.querySelectorAll('[title],[aria-label]')]
      .map((each) => each.getAttribute('title') ?? each.getAttribute('aria-label'))
      .join()
  for (const remains of ['[object', 'NaN', 'undefined', 'Infinity', 'null'])
    if (text.includes(remains)) throw new Error(`shows ${remains}: ${what}`)
  expect(errors, what).toEqual([])
}

for (const event of EVENTS)
  it(`lives through every ${event.type}`, async () => {
    const { container } = await page()
    let count = 0
    let before = ''
    for (const { place, name, value } of faults(event)) {
      if (count % 16 === 0) await new Promise<void>((resolve) => breathe(resolve))
      act(() => {
        // What was there is not what the next makes of it.
        if (before !== (before = place.join('.'))) FakeSocket.last.say(goodMessage(event, ++count))
        FakeSocket.last.say(mutated(event, ++count, place, value))
        vi.advanceTimersByTime(0) // sonner draws each toast in a task of its own
      })
      check(container, `${event.type}: ${before} is ${name}`)
      if (toast.getToasts().length > 8) act(() => (toast.dismiss(), void vi.advanceTimersByTime(300)))
    }
    await act(() => vi.advanceTimersByTimeAsync(300)) // lines of a log are drawn with the next frame
    check(container, event.type)
    act(
      () =>
        void FakeSocket.last.say({
          type: 'notification',
          data: { title: 'still here', message: '' },
          room: '@client:c1',
        }),
    )
    expect(container.querySelector('.wsm-notification strong')?.textContent).toBe('still here')
    // Told once each, however many come.
    expect(new Set(warnings).size).toBe(warnings.length)
  })
