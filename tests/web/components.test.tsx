// @vitest-environment jsdom
// Components: what they show, by keyboard, and what a checker of accessibility says of them.
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react'
import axe from 'axe-core'
import { createElement, type ReactNode } from 'react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  ConnectionStatus,
  LogStream,
  NotificationCenter,
  PipelineMonitor,
  ProcessingStatus,
  WebSocketProvider,
  type LogEntry,
  type Notification,
} from '../../node/react/index.js'
import { EventToasts, useToast } from '../../node/react/toasts.js'
import { FakeSocket } from './fake_server.js'

let n = 0

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  FakeSocket.all = []
  n++
})
afterEach(async () => {
  cleanup()
  if (vi.isFakeTimers()) await vi.advanceTimersByTimeAsync(2000)
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const show = async (children: ReactNode) => {
  const page = render(
    createElement(WebSocketProvider, { wsUrl: `ws://components-${n}/ws`, maxReconnectAttempts: 0 }, children),
  )
  await act(() => vi.advanceTimersByTimeAsync(0))
  act(() => void FakeSocket.last.greet())
  return page
}
const say = (message: unknown) => act(() => void FakeSocket.last.say(message))
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms))

async function clean(container: Element): Promise<void> {
  vi.useRealTimers()
  // Colours need a layout, which there is none of here: the browser tests look at them.
  const { violations } = await axe.run(container, {
    rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
  })
  expect(violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(' ')}`)).toEqual([])
}

it('says what the connection is doing, and offers to try again when it has failed', async () => {
  const page = await show(<ConnectionStatus />)
  expect(screen.getByRole('status').textContent).toBe('Live')
  act(() => FakeSocket.last.end(1006))
  expect(screen.getByRole('status').textContent).toBe('Connection failed')
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
  await pass(0)
  expect(FakeSocket.all).toHaveLength(2)
  await clean(page.container)
})

it('shows progress, counts down and lets one cancel', async () => {
  const cancelled = vi.fn()
  const page = await show(<ProcessingStatus imageId="i" onCancel={cancelled} />)
  await say({ event_type: 'system_status', gpu_utilization: 78.4 })
  await say({ event_type: 'processing_started', image_id: 'i', algorithm: 'segmentation_3d' })
  await say({
    event_type: 'processing_progress',
    image_id: 'i',
    progress: 75.5,
    current_step: 'Computing metrics',
    eta_seconds: 65,
  })
  expect(page.container.textContent).toContain('segmentation_3d76 %Cancel')
  expect(page.container.textContent).toContain('Computing metrics1 min 5 s leftGPU 78 %')
  expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('76')
  await pass(10_000)
  expect(page.container.textContent).toContain('55 s left')
  fireEvent.click(screen.getByRole('button', { name: /^Cancel / }))
  expect(cancelled).toHaveBeenCalledOnce()
  await say({ event_type: 'processing_failed', image_id: 'i', error: 'GPU memory insufficient' })
  expect(page.container.textContent).toContain('GPU memory insufficient')
  expect(screen.queryByRole('button')).toBeNull()
  await clean(page.container)
})

it('takes what it is given before what it hears', async () => {
  const page = await show(
    <ProcessingStatus
      imageId="x"
      progress={10}
      currentStep="By hand"
      etaSeconds={2.3}
      algorithm="a"
      gpuUtilization={5}
    />,
  )
  expect(page.container.textContent).toBe('a10 %By hand3 s leftGPU 5 %')
})

it('monitors one pipeline and no other', async () => {
  const page = await show(<PipelineMonitor pipelineId="7" name="Entrance" />)
  await say({ type: 'pipeline_status_update', data: { pipeline_id: '7', status: 'running' } })
  for (const fps of [24, 25])
    await say({
      type: 'pipeline_frame_update',
      data: { pipeline_id: '7', frame_data: { frame_id: 4 + fps, detections_count: 3, processing_time: 0.012, fps } },
    })
  await say({
    type: 'pipeline_frame_update',
    data: { pipeline_id: '8', frame_data: { frame_id: 1, detections_count: 9, processing_time: 1, fps: 1 } },
  })
  await say({
    type: 'pipeline_analytics_update',
    data: { pipeline_id: '7', analytics: { node_id: 'line', node_type: 'counter', total_crossings: 12 } },
  })
  expect(page.container.textContent).toBe('Entrancerunningframes/s25.0frame29found3per frame12 msline12 crossings')
  expect(screen.getByRole('img', { name: 'Frames per second' })).toBeTruthy()
  await say({
    type: 'pipeline_error_update',
    data: { pipeline_id: '7', error_message: 'camera lost', severity: 'error' },
  })
  expect(screen.getByRole('alert').textContent).toBe('camera lost')
  await clean(page.container)
})

it('draws few of many lines, and finds among all', async () => {
  const initial: LogEntry[] = Array.from({ length: 100_000 }, (_, i) => ({
    id: String(i),
    time: '2026-01-15T10:30:00.000Z',
    level: i % 1000 === 0 ? 'error' : 'info',
    source: 'CI',
    message: `line ${i}`,
  }))
  const page = await show(<LogStream initial={initial} room={null} />)
  expect(page.container.querySelectorAll('.wsm-line').length).toBeLessThan(80)
  await say({ type: 'log_message', data: { level: 'error', message: 'the newest', source: 'live' }, message_id: 'new' })
  await pass(200)
  fireEvent.click(screen.getByRole('button', { name: /^error/ }))
  expect(screen.getByRole('button', { name: /^error/ }).textContent).toBe('error 100') // the oldest line has gone, an error too
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'NEWEST' } })
  expect(page.container.querySelectorAll('.wsm-line')).toHaveLength(1)
  expect(page.container.querySelector('.wsm-line')?.textContent).toBe('errorlivethe newest')
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: '' } })
  await clean(page.container)
}, 30_000)

it('renders a burst of lines once', async () => {
  let renders = 0
  const Counted = () => {
    renders++
    return null
  }
  const page = await show(
    <>
      <LogStream room={null} />
      <Counted />
    </>,
  )
  act(() => {
    for (let i = 0; i < 1000; i++)
      FakeSocket.last.say({ type: 'log_message', data: { level: 'info', message: `m${i}` }, message_id: `m${i}` })
  })
  expect(page.container.querySelectorAll('.wsm-line')).toHaveLength(0)
  await pass(200)
  expect(screen.getByRole('log').getAttribute('aria-label')).toBe('1000 lines')
  expect(renders).toBe(1)
})

it('keeps notifications, and what has been read of them', async () => {
  const read = vi.fn<(ids: string[]) => void>()
  const acted = vi.fn<(notification: Notification) => void>()
  const page = await show(<NotificationCenter onRead={read} onAction={acted} />)
  const bell = screen.getByRole('button', { name: 'Notifications' })
  await say({
    type: 'notification',
    data: { id: 'a', title: 'Deploy', message: 'done', type: 'success' },
    timestamp: '2026-01-15T10:30:00.000Z',
  })
  await say({
    type: 'notification',
    data: { id: 'b', title: 'Disk', message: 'full', level: 'critical', action: { type: 'clean', label: 'Clean up' } },
    timestamp: '2026-01-15T10:31:00.000Z',
  })
  expect(bell.getAttribute('aria-label')).toBe('Notifications, 2 unread')
  fireEvent.click(bell)
  const panel = screen.getByRole('region', { name: 'Notifications' })
  expect(
    within(panel)
      .getAllByRole('listitem')
      .map((item) => item.querySelector('strong')?.textContent),
  ).toEqual(['Disk', 'Deploy'])
  fireEvent.click(within(panel).getByRole('button', { name: 'Clean up' }))
  expect(acted.mock.calls[0][0]).toMatchObject({ id: 'b', type: 'error' })
  await pass(0)
  expect(read).toHaveBeenLastCalledWith(['b'])
  fireEvent.click(within(panel).getByRole('button', { name: 'Mark all as read' }))
  await pass(0)
  expect(read).toHaveBeenLastCalledWith(['a'])
  expect(bell.getAttribute('aria-label')).toBe('Notifications')
  fireEvent.keyDown(document, { key: 'Escape' })
  expect(screen.queryByRole('region')).toBeNull()
  expect(document.activeElement).toBe(bell)
  fireEvent.click(bell)
  await clean(page.container)
})

it('brings a mark back that the server did not take', async () => {
  await show(
    <NotificationCenter
      onRead={() => Promise.reject(new Error('offline'))}
      initial={[{ id: 'a', type: 'info', title: 'T', message: 'm', read: false, created_at: '' }]}
    />,
  )
  fireEvent.click(screen.getByRole('button', { name: 'Notifications, 1 unread' }))
  fireEvent.click(screen.getByRole('button', { name: 'Mark as read' }))
  expect(screen.getByRole('button', { name: 'Notifications' })).toBeTruthy()
  await pass(0)
  expect(screen.getByRole('button', { name: 'Notifications, 1 unread' })).toBeTruthy()
})

it('makes toasts of what needs a look, and of what one says', async () => {
  const Own = () => {
    const toast = useToast()
    return (
      <button
        onClick={() => toast.success('Saved', 'Nothing was lost', { action: { label: 'Undo', onClick: () => {} } })}
      >
        save
      </button>
    )
  }
  await show(
    <>
      <EventToasts
        events={{
          pipeline_error_update: null,
          story_created: ({ data }) => ({ kind: 'info', title: `Story ${data.title}` }),
        }}
      />
      <Own />
    </>,
  )
  await say({ event_type: 'processing_failed', image_id: 'i', error: 'GPU memory insufficient' })
  await say({ type: 'pipeline_error_update', data: { pipeline_id: '7', error_message: 'not shown' } })
  await say({ type: 'story_created', data: { title: 'Login' } })
  await say({ type: 'notification', data: { title: 'not shown: read', message: '', read: true } })
  fireEvent.click(screen.getByRole('button', { name: 'save' }))
  await pass(100)
  const text = document.body.textContent ?? ''
  for (const words of [
    'Analysis failed',
    'GPU memory insufficient',
    'Story Login',
    'Saved',
    'Nothing was lost',
    'Undo',
  ])
    expect(text).toContain(words)
  expect(text).not.toContain('not shown')
})

it('shows notifications of the user’s own, and of rooms that the page has named', async () => {
  const told = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const titles = () => screen.queryAllByRole('listitem').map((item) => item.querySelector('strong')?.textContent)
  const send = (room: unknown, title: string) =>
    say({ type: 'notification', data: { id: title, title, message: '' }, room })
  await show(<NotificationCenter />)
  fireEvent.click(screen.getByRole('button', { name: 'Notifications' }))
  await send('@user:u1', 'mine')
  await send('@session:s1', 'of this session')
  for (const room of ['@all', 'project:7', 'project:8', '@username', null, {}]) await send(room, 'forged')
  expect(titles()).toEqual(['of this session', 'mine'])
  expect(told.mock.calls).toHaveLength(1)
  expect(told.mock.calls[0][0]).toMatch(
    /NotificationCenter does not show "notification" of the room "@all".*rooms=\{\["@all"\]\}/,
  )
  cleanup()
  n++
  await show(<NotificationCenter rooms={['@all', 'project:*']} />)
  fireEvent.click(screen.getByRole('button', { name: 'Notifications' }))
  for (const room of ['@all', 'project:7', 'projects', 'board:1']) await send(room, `of ${room}`)
  expect(titles()).toEqual(['of project:7', 'of @all'])
})

it('makes toasts of what the application says, not of what a client has published', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  await show(<EventToasts events={{ story_created: ({ data }) => ({ kind: 'info', title: data.title }) }} />)
  const failed = (error: string, room: string) => say({ event_type: 'processing_failed', image_id: 'i', error, room })
  await failed('told to everybody', '@all')
  await failed('told to one', '@user:u1')
  await failed('forged', 'project:7')
  await say({ type: 'story_created', data: { title: 'forged' }, room: 'project:7' })
  await say({ type: 'notification', data: { title: 'for everybody', message: '' }, room: '@all' })
  // Names that every object has are no events, and make no toasts.
  for (const type of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
    await say({ type, kind: 'error', title: 'forged', message: 'forged', room: '@all' })
  await pass(100)
  const text = document.body.textContent
  expect(text).toContain('told to everybody')
  expect(text).toContain('told to one')
  expect(text).not.toContain('forged')
  expect(text).not.toContain('for everybody')
  cleanup()
  n++
  await show(<EventToasts rooms={['project:7', '@all']} />)
  await failed('said by the page', 'project:7')
  await say({ type: 'notification', data: { title: 'for everybody', message: '' }, room: '@all' })
  await pass(100)
  expect(document.body.textContent).toContain('said by the page')
  expect(document.body.textContent).toContain('for everybody')
})

it('stays where one component fails, and offers to try again', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  let broken = true
  const Own = () => {
    if (broken) throw new Error('of the application')
    return <b>own part</b>
  }
  const page = await show(
    <>
      <ConnectionStatus />
      <PipelineMonitor pipelineId="7" about={<Own />} />
    </>,
  )
  expect(screen.getByRole('alert').textContent).toBe('PipelineMonitor could not be shown.Try again')
  expect(screen.getByRole('status').textContent).toBe('Live')
  broken = false
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(screen.getByText('own part')).toBeTruthy()
  await clean(page.container)
})

it('shows what it can of what an application hands over', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  const odd = (value: object) => value as never
  const page = await show(
    <>
      <PipelineMonitor
        pipelineId="7"
        state={odd({
          status: { a: 1 },
          fps: undefined,
          frameId: 'x',
          frameTime: NaN,
          history: [1, null, 2],
          analytics: { n: null },
        })}
      />
      <ProcessingStatus imageId="i" progress={NaN} etaSeconds={Infinity} currentStep={odd({})} />
      <NotificationCenter
        initial={odd([
          { id: 1, title: 'kept', created_at: new Date(0), action: { label: {} } },
          { id: 1, title: 'twice' },
          null,
          { title: {} },
        ])}
      />
      <LogStream
        room={null}
        initial={odd([{ id: 1, level: 'loud', message: 'kept', time: 5 }, 'x', { id: 1, message: 'y' }])}
      />
    </>,
  )
  fireEvent.click(screen.getByRole('button', { name: 'Notifications, 1 unread' }))
  await pass(200)
  expect(linesOf(page.container)).toEqual(['kept'])
  expect(page.container.querySelector('.wsm-panel strong + *')).toBeTruthy()
  expect(page.container.textContent).toContain('0 %')
  expect(page.container.textContent).not.toMatch(/NaN|Infinity|undefined|object/)
})

const line = (id: number, level = 'info') => ({
  type: 'log_message',
  data: { level, message: `line ${id}`, source: 'demo' },
  room: 'logs',
  offset: id,
  message_id: `m${id}`,
  timestamp: `2026-01-15T10:30:0${id}.000Z`,
})
const linesOf = (container: Element) =>
  [...container.querySelectorAll('.wsm-line')].map((each) => each.querySelector('.wsm-grow')?.textContent)

it('asks the room for its history, and shows where lines may be missing', async () => {
  const page = await show(<LogStream />)
  const asked = () => FakeSocket.last.sent.filter(({ action }) => action === 'history')
  expect(asked()).toMatchObject([{ room: 'logs', limit: 200 }])
  await say(line(3)) // before the answer
  await say({
    type: 'history',
    id: asked()[0].id,
    data: { messages: [line(1), line(2), line(3)], epoch: 'e', offset: 3 },
  })
  await pass(200)
  expect(linesOf(page.container)).toEqual(['line 1', 'line 2', 'line 3'])

  await say({ type: 'gap', data: { room: 'logs', missed: 5 } })
  await say(line(9))
  await say({ type: 'history', id: asked()[1].id, data: { messages: [line(8), line(9)], epoch: 'e', offset: 9 } })
  await pass(200)
  expect(linesOf(page.container).slice(3)).toEqual(['Lines may be missing here', 'line 8', 'line 9'])
})

it('keeps still while one reads, and counts what is new', async () => {
  const page = await show(<LogStream history={0} />)
  await say(line(1))
  await pass(200)
  fireEvent.click(screen.getByRole('button', { name: 'Pause' }))
  await say(line(2, 'error'))
  await say(line(3))
  await pass(200)
  expect(linesOf(page.container)).toEqual(['line 1'])
  expect(screen.getByRole('button', { name: /^error/ }).textContent).toBe('error 1')
  fireEvent.click(screen.getByRole('button', { name: 'Newest · 2 more' }))
  expect(linesOf(page.container)).toEqual(['line 1', 'line 2', 'line 3'])

  fireEvent.keyDown(screen.getByRole('log'), { key: 'ArrowUp' }) // the last line, then the one above
  fireEvent.keyDown(screen.getByRole('log'), { key: 'ArrowUp' })
  expect(screen.getByRole('region', { name: 'Line' }).textContent).toContain('line 2')
  fireEvent.keyDown(screen.getByRole('log'), { key: 'Escape' })
  expect(screen.queryByRole('region', { name: 'Line' })).toBeNull()
  await clean(page.container)
})

it('says that something is under way, and why it was not done', async () => {
  let refuse = (_: Error) => {}
  const stop = vi.fn(() => new Promise((_, reject) => (refuse = reject)))
  const page = await show(
    <PipelineMonitor pipelineId="7" name="Gate" href="#/7" state={{ status: 'running' }} onStop={stop} />,
  )
  const button = screen.getByRole('button', { name: 'Stop Gate' })
  fireEvent.click(button)
  expect(button.getAttribute('aria-busy')).toBe('true')
  fireEvent.click(button)
  expect(stop).toHaveBeenCalledOnce()
  await act(async () => refuse(new Error('the camera is locked')))
  expect(screen.getByRole('alert').textContent).toBe('the camera is locked')
  expect(button.getAttribute('aria-busy')).toBeNull()
  expect(screen.getByRole('link', { name: 'Gate' }).getAttribute('href')).toBe('#/7')
  await clean(page.container)
})
