// Installations where the addon can't be built: the browser's part works, and the server's says why it does not.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'

const TARBALL = fs.readdirSync('.').find((name) => name.endsWith('.tgz'))
const NPM = ['npm', 'npm.cmd']
  .flatMap((name) => process.env.PATH.split(path.delimiter).map((folder) => path.join(folder, name)))
  .find((file) => fs.existsSync(file))
const PARTS = `import('ws_manager/client').then(({ createClient }) => console.log(typeof createClient))
console.log(typeof require('ws_manager/client').createClient)
try { require('ws_manager') } catch (error) { console.log(error.message) }`

/** A project without anything, on a machine with Node and nothing else. */
function project(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ws_manager-install-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  fs.mkdirSync(path.join(folder, 'bin'))
  fs.symlinkSync(process.execPath, path.join(folder, 'bin/node'))
  fs.symlinkSync('/bin/sh', path.join(folder, 'bin/sh'))
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
  const run = (env, ...args) => {
    const { NODE_OPTIONS, WS_MANAGER_ADDON, ...rest } = process.env
    const variables = {
      ...rest,
      PATH: path.join(folder, 'bin'),
      npm_config_cache: path.join(folder, 'cache'),
      npm_config_offline: 'true',
      ...env,
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      env: variables,
      encoding: 'utf8',
    })
    return { status, text: stdout + stderr }
  }
  const npm = (env, ...args) =>
    run(env, fs.realpathSync(NPM), '--no-audit', '--no-fund', '--foreground-scripts', ...args)
  const install = (env) => npm(env, 'install', path.resolve(TARBALL))
  return { folder, run, npm, install }
}

test('without a compiler the package is installed, and only the server part is missing', (t) => {
  const { run, npm, install } = project(t)
  const { status, text } = install({})
  assert.equal(status, 0, text)
  const said = text.split('\n').filter((line) => line.startsWith('ws_manager: '))
  assert.equal(said.length, 2, text)
  assert.match(
    said[0],
    /^ws_manager: the server part was not built: .*apt-get install .*build-essential.* libwebsockets-dev .*uthash-dev; then: npm rebuild/,
  )
  assert.match(said[1], /ws_manager\/client and ws_manager\/react do without it/)

  const parts = run({}, '-e', PARTS)
  assert.equal(parts.status, 0, parts.text)
  assert.match(parts.text, /^function\nthe server part of ws_manager is not built: .*apt-get install .*\nfunction\n$/)

  const again = npm({}, 'rebuild', 'ws_manager') // who asks for it is told by the exit code
  assert.notEqual(again.status, 0)
  assert.match(again.text, /apt-get install/)
})

test('an image that needs the server part fails while it is made', (t) => {
  const { install } = project(t)
  const { status, text } = install({ WS_MANAGER_ADDON: 'required' })
  assert.notEqual(status, 0)
  assert.match(text, /apt-get install/)
})

test('nothing is built where that is not wanted', (t) => {
  const { run, install } = project(t)
  assert.equal(install({ WS_MANAGER_ADDON: 'skip', PATH: process.env.PATH }).status, 0)
  assert.match(run({}, '-e', PARTS).text, /not built: WS_MANAGER_ADDON=skip was set/)
})

test('a value that means nothing is an error', (t) => {
  const { status, text } = project(t).install({ WS_MANAGER_ADDON: 'no' })
  assert.notEqual(status, 0)
  assert.match(text, /WS_MANAGER_ADDON is "no": required and skip are what it may be/)
})

for (const platform of ['darwin', 'win32']) {
  test(`on ${platform} everything but the server part works`, (t) => {
    const { folder, run } = project(t)
    fs.writeFileSync(
      path.join(folder, 'platform.cjs'),
      `Object.defineProperty(process, 'platform', { value: '${platform}' })`,
    )
    const installed = path.join(folder, 'node_modules/ws_manager')
    fs.mkdirSync(installed, { recursive: true })
    spawnSync('tar', ['xzf', path.resolve(TARBALL), '--strip-components=1', '-C', installed])
    const script = path.join(installed, 'node/build.js')
    const built = run({ npm_lifecycle_event: 'install' }, '-r', path.join(folder, 'platform.cjs'), script)
    assert.equal(built.status, 0, built.text)
    assert.match(built.text, new RegExp(`it runs on Linux, and this is ${platform}`))
    assert.match(run({}, '-e', PARTS).text, /^function\nthe server part .* it runs on Linux.*\nfunction\n$/)
  })
}

test('no system is turned away', () => {
  const { os: systems, cpu } = JSON.parse(fs.readFileSync('node_modules/ws_manager/package.json'))
  assert.deepEqual([systems, cpu], [undefined, undefined])
})

/** A copy of the installed package that node-gyp can work in; settings that link libnode, as those of Debian's node-gyp do. */
function linked(t) {
  const { folder } = project(t)
  const copy = path.join(folder, 'node_modules/ws_manager')
  const settings = path.join(folder, 'libnode.gypi')
  fs.cpSync('node_modules/ws_manager', copy, { recursive: true })
  fs.rmSync(path.join(copy, 'build'), { recursive: true })
  fs.writeFileSync(settings, "{ 'target_defaults': { 'libraries': ['-lnode'] } }")
  return { copy, settings }
}

test('the addon is not linked to libnode, whatever node-gyp wants', (t) => {
  const { copy, settings } = linked(t)
  const gyp = createRequire(fs.realpathSync(NPM)).resolve('node-gyp/bin/node-gyp.js')
  const prefix = path.join(fs.realpathSync(process.execPath), '../..')
  const nodedir = fs.existsSync(path.join(prefix, 'include/node/common.gypi')) ? [`--nodedir=${prefix}`] : []
  const args = [gyp, 'configure', ...nodedir, '--', `-I${settings}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
  const rules = fs.readFileSync(path.join(copy, 'build/ws_manager.target.mk'), 'utf8')
  assert.match(rules, /-lwebsockets/)
  assert.doesNotMatch(rules, /-lnode/)
})

test('an addon that is linked to libnode all the same is refused with a sentence', (t) => {
  const { copy } = linked(t)
  const gyp = path.join(copy, 'gyp.js')
  fs.writeFileSync(
    gyp,
    `const fs = require('node:fs')
if (process.argv[2] === 'build') {
  fs.mkdirSync('build/Release', { recursive: true })
  fs.writeFileSync('build/Release/ws_manager.node', '\\x7fELF libnode.so.108')
}`,
  )
  const env = { ...process.env, npm_config_node_gyp: gyp }
  const { status, stderr } = spawnSync(process.execPath, ['node/build.js'], { cwd: copy, env, encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /^\nws_manager: the addon was linked to libnode, .*npm rebuild ws_manager\.\n/)
  assert.equal(fs.existsSync(path.join(copy, 'build/Release/ws_manager.node')), false)
})
