// @vitest-environment jsdom
// Examples of the pages about the client are compiled, as strictly as the client itself, and run: against a server that answers, with every
// component shown, every button pressed and every event sent.
import { act, cleanup, fireEvent, render } from '@testing-library/react'
import { effectScope } from 'vue'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ComponentType } from 'react'
import { FakeSocket } from './fake_server.js'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'build/docs-web')
const PAGES = ['client.md', 'react.md']

/** Writes a page's examples to files. */
function examples(page: string): string[] {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8')
  const blocks = [...text.matchAll(/^```(tsx?)\n([\s\S]*?)^```/gm)]
  const folder = join(FOLDER, page)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return blocks.map(([, kind, code], i) => {
    const line = text.slice(0, text.indexOf(code)).split('\n').length
    const file = join(folder, `example${String(i).padStart(2, '0')}_line${line}.${kind}`)
    writeFileSync(file, `${code}\nexport {}\n`)
    return file
  })
}
const files = new Map(PAGES.map((page) => [page, examples(page)]))

it.each(PAGES)(
  'examples of docs/%s compile',
  (page) => {
    const css = join(FOLDER, page, 'css.d.ts')
    writeFileSync(css, "declare module '*.css'\n")
    const program = ts.createProgram([...files.get(page)!, css], {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ES2022,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      jsx: ts.JsxEmit.ReactJSX,
      types: [],
      paths: {
        'ws_manager/client': [join(ROOT, 'node/client/index.ts')],
        'ws_manager/react': [join(ROOT, 'node/react/index.ts')],
        'ws_manager/react/toasts': [join(ROOT, 'node/react/toasts.tsx')],
        vue: [join(ROOT, 'node_modules/@vue/reactivity')],
      },
    })
    const errors = ts.getPreEmitDiagnostics(program).map((each) => {
      const at =
        each.file && each.start !== undefined
          ? `${each.file.fileName}:${each.file.getLineAndCharacterOfPosition(each.start).line + 1}: `
          : ''
      return at + ts.flattenDiagnosticMessageText(each.messageText, '\n')
    })
    expect(errors).toEqual([])
  },
  60_000,
)

/** Greets everybody and has an answer to everything. */
class Server extends FakeSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols)
    setTimeout(() => this.readyState || this.greet())
  }

  override send(text: string): void {
    super.send(text)
    const { id, action, room } = JSON.parse(text) as Record<string, unknown>
    const answers: Record<string, object> = {
      history: { messages: [], epoch: 'e', offset: 0, recovered: true },
      presence: { room, clients: ['c1'], users: ['ana'], clients_total: 1, users_total: 1, next: null },
    }
    const data = answers[action as string] ?? { cancelled: true }
    if (id !== undefined) setTimeout(() => this.say({ type: action in answers ? action : 'reply', id, data }))
  }
}

const rendered = {
  positions: { 'project:PROJ-001': { epoch: 'e', offset: 1 } },
  position: { epoch: 'e', offset: 1 },
  stories: ['Login'],
}
/** What examples leave open: functions of the application, and the props of their components. */
const NAMES = ['reload', 'refresh', 'showLogin', 'add', 'take', 'postMessage', 'save', 'markRead', 'open']
const PROPS = { userId: 'u1', projectId: 'PROJ-001', imageId: 'i1', pipelineId: '7', room: 'r', rendered, initial: [] }

const EVENTS = [
  { type: 'pipeline_update', data: { pipeline_id: '7', status: 'running' } },
  { type: 'pipeline_frame_update', data: { pipeline_id: '7', frame_data: { frame_id: 1, fps: 25 } } },
  { type: 'story_created', data: { story_id: 's', title: 'Login', project_id: 'PROJ-001' }, room: 'project:PROJ-001' },
  { event_type: 'processing_started', image_id: 'i1', algorithm: 'a' },
  { event_type: 'processing_progress', image_id: 'i1', progress: 45.5, current_step: 'Masks', eta_seconds: 2 },
  { event_type: 'system_status', queue_length: 3, gpu_utilization: 20 },
  { type: 'notification', data: { id: 'n1', title: 'Deploy', message: 'done', action: { type: 'open', payload: 1 } } },
  { type: 'log_entry', data: { level: 'error', message: 'line', source: 'CI' }, room: 'logs' },
  { type: 'order_paid', data: { order_id: 'o', amount: 9.5 } },
  { event_type: 'sensor_read', celsius: 21.5 },
  { event_type: 'processing_complete', image_id: 'i1', result_id: 'r' },
]

const ALL = PAGES.flatMap((page) => files.get(page)!.map((file) => [page, file.split('/').pop()!, file] as const))
describe('examples run', () => {
  const wrong: unknown[] = []
  const note = (event: Event) => wrong.push((event as ErrorEvent).error ?? event)

  beforeEach(() => {
    wrong.length = 0
    FakeSocket.all = []
    vi.stubGlobal('WebSocket', Server)
    vi.stubGlobal('fetch', async () => new Response('token'))
    vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
    vi.stubGlobal('rendered', rendered)
    vi.stubGlobal('token', async () => 'token')
    for (const name of NAMES) vi.stubGlobal(name, vi.fn())
    vi.spyOn(console, 'log').mockImplementation(() => {})
    for (const method of ['error', 'warn', 'assert'] as const)
      vi.spyOn(console, method).mockImplementation((...said) =>
        method === 'assert' && said[0] ? undefined : wrong.push(said),
      )
    addEventListener('error', note)
  })
  afterEach(() => {
    cleanup()
    removeEventListener('error', note)
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
  })

  it.each(ALL)('docs/%s %s', async (_, __, file) => {
    const settle = () => act(() => new Promise((resolve) => setTimeout(resolve, 5)))
    const module = (await import(/* @vite-ignore */ file)) as Record<string, unknown>
    const scope = effectScope()
    for (const [name, member] of Object.entries(module)) {
      if (/^[A-Z]/.test(name)) {
        const Shown = member as ComponentType<typeof PROPS>
        render(<Shown {...PROPS} />)
      } else if (/^use[A-Z]/.test(name) && file.includes('client.md')) {
        scope.run(() => (member as (...args: unknown[]) => unknown)('pipeline_update', () => {}))
      } else if (typeof member === 'function') {
        await (member as (...args: unknown[]) => unknown)('i1')
      }
    }
    await settle()
    const say = (message: object) =>
      act(() => FakeSocket.all.forEach((socket) => socket.readyState === 1 && socket.say(message)))
    for (const message of EVENTS) await say(message)
    for (const button of document.querySelectorAll('button')) fireEvent.click(button)
    await settle()
    for (const button of document.querySelectorAll('button')) fireEvent.click(button)
    scope.stop()
    expect(wrong).toEqual([])
  })
})

it('has no example left over', () => {
  for (const page of PAGES) expect(readdirSync(join(FOLDER, page)).length).toBe(files.get(page)!.length + 1)
})
