// The package as it is packed: its exports, and its types as the compilers and resolutions of users see them.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'

const run = promisify(execFile)
const WEB = join(import.meta.dirname, '../..')
const ROOT = join(WEB, '../..')
const PACKED = join(WEB, 'packed')
const USERS = ['', 'react18'].map((react) => join(WEB, react, 'user'))
let tarball = ''

/** A program of node_modules; what it says when it fails. */
async function complaint(program: string, ...args: string[]): Promise<string> {
  try {
    await run(process.execPath, [join(WEB, 'node_modules', program), ...args], { cwd: WEB })
    return ''
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return stdout + stderr || String(error)
  }
}

beforeAll(async () => {
  rmSync(PACKED, { recursive: true, force: true })
  mkdirSync(PACKED)
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', PACKED], { cwd: ROOT })
  tarball = join(PACKED, readdirSync(PACKED)[0])
  for (const user of USERS) {
    rmSync(user, { recursive: true, force: true })
    const installed = join(user, 'node_modules/ws_manager')
    mkdirSync(installed, { recursive: true })
    await run('tar', ['xzf', tarball, '--strip-components=1', '-C', installed])
    for (const type of ['module', 'commonjs']) {
      for (const folder of ['types', 'seeds'])
        cpSync(join(import.meta.dirname, folder), join(user, type), { recursive: true })
      writeFileSync(join(user, type, 'package.json'), JSON.stringify({ type }))
    }
  }
}, 60_000)

it('has exports that publint finds right', async () => {
  expect(await complaint('publint/src/cli.js', tarball, '--strict')).toBe('')
})

it('has types that fit in every resolution', async () => {
  expect(await complaint('@arethetypeswrong/cli/dist/index.js', tarball, '--format', 'ascii', '--no-emoji')).toBe('')
}, 30_000)

it.each(USERS)('runs unbundled, by import and by require: %s', async (user) => {
  writeFileSync(
    join(user, 'both.cjs'),
    `const names = ['client', 'react', 'react/toasts'].map((name) => 'ws_manager/' + name)
    Promise.all(names.map((name) => import(name))).then((modules) => {
      for (const [i, module] of modules.entries()) {
        const there = require(names[i])
        if (Object.keys(module).sort().join() !== Object.keys(there).sort().join()) throw new Error(names[i])
      }
      const { createElement } = require('react')
      const { renderToString } = require('react-dom/server')
      const { WebSocketProvider, ConnectionStatus } = modules[1]
      console.log(renderToString(createElement(WebSocketProvider, null, createElement(ConnectionStatus))))
    })`,
  )
  const { stdout } = await run(process.execPath, [join(user, 'both.cjs')])
  expect(stdout).toContain('Connecting')
})

it('tells frameworks that its parts are client components', () => {
  for (const folder of ['node/dist/react', 'node/dist/cjs/react'])
    for (const name of ['hooks', 'provider', 'status', 'toasts'])
      expect(readFileSync(join(USERS[0], 'node_modules/ws_manager', folder, `${name}.js`), 'utf8')).toMatch(
        /^("use strict";\n)?'use client';?\n/,
      )
})

const OPTIONS = {
  strict: true,
  noEmit: true,
  skipDefaultLibCheck: true,
  esModuleInterop: true,
  target: 'es2022',
  jsx: 'react-jsx',
  types: [],
}
const LIB = ['es2022', 'dom', 'dom.iterable']
const WAYS = [
  ['typescript', 'React 19', 'module', { module: 'esnext', moduleResolution: 'bundler' }],
  ['typescript', 'React 18', 'commonjs', { module: 'node16' }],
  ['typescript-5.1', 'React 18', 'module', { module: 'nodenext' }],
  ['typescript-7', 'React 19', 'module', { module: 'nodenext' }],
] as const
it.each(WAYS)(
  'has the types of its events: %s, %s, %s, %o',
  async (compiler, react, type, way) => {
    const folder = join(USERS[react === 'React 19' ? 0 : 1], type)
    const config = join(folder, `${compiler}-${way.module}.json`)
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions: { ...OPTIONS, lib: LIB, ...way }, include: ['*.ts', '*.tsx'] }),
    )
    expect(await complaint(`${compiler}/bin/tsc`, '-p', config)).toBe('')
  },
  60_000,
)
