// What the tarball holds, and that the generated module and its types fit the implementation.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import test from 'node:test'
import * as esm from 'ws_manager'

const require = createRequire(import.meta.url)
const root = path.join(path.dirname(require.resolve('ws_manager')), '../..')

test('the version is that of the core', () => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json')))
  const header = readFileSync(path.join(root, 'csrc/include/ws_manager.h'), 'utf8')
  assert.equal(version, /#define WSM_VERSION "(.*)"/.exec(header)[1])
  assert.equal(version, esm.version)
})

test('the tarball holds the sources of the addon and the package, and nothing else', () => {
  const [tarball] = execFileSync('sh', ['-c', 'ls ws_manager-*.tgz'], { encoding: 'utf8' }).trim().split('\n')
  const names = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
  const allowed = [
    /^package\/(package\.json|binding\.gyp|README\.md|LICENSE)$/,
    /^package\/csrc\/(CMakeLists\.txt|cmake\/dependencies\.cmake)$/,
    /^package\/csrc\/(include|runtime|sockets|admin|rest|clients|core|log|store|host|policy|rooms|events|wire|base)\/\w+\.[ch]$/,
    /^package\/node\/(build|sources)\.js$/,
    /^package\/node\/src\/\w+\.[ch]$/,
    /^package\/node\/lib\/[\w-]+\.(js|mjs|d\.ts|d\.mts)$/,
    /^package\/node\/dist\/(cjs\/)?(package\.json|(client|react)\/[\w-]+\.(js|d\.ts|css))$/,
  ]
  for (const name of names)
    assert.ok(
      allowed.some((pattern) => pattern.test(name)),
      name,
    )
  const needed = require(path.join(root, 'node/sources.js')).sources()
  for (const name of [
    ...needed,
    'README.md',
    'LICENSE',
    'node/lib/index.mjs',
    'node/lib/index.d.ts',
    'node/dist/client/index.js',
    'node/dist/react/index.js',
  ]) {
    assert.ok(names.includes(`package/${name}`), name)
  }
})

test('the addon takes Node and libuv from the process that loads it', () => {
  const addon = path.join(root, 'build/Release/ws_manager.node')
  const needed = [...execFileSync('readelf', ['-d', addon], { encoding: 'utf8' }).matchAll(/NEEDED.*\[(.*)\]/g)]
  const names = needed.map(([, name]) => name)
  assert.ok(
    names.some((name) => name.startsWith('libwebsockets.so')),
    names.join(' '),
  )
  assert.deepEqual(
    names.filter((name) => /^lib(node|uv)\b/.test(name)),
    [],
  )
})

test('ES module, CommonJS and types export the same names', () => {
  const cjs = require('ws_manager')
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort())
  const text = ['functions.d.ts', 'types.d.ts', 'sending.d.ts', 'events.d.ts']
    .map((name) => readFileSync(path.join(root, 'node/lib', name), 'utf8'))
    .join('')
  const declared = new Set(
    [...text.matchAll(/^export declare (?:const|class|function) (\w+)/gm)].map(([, name]) => name),
  )
  assert.deepEqual(
    Object.keys(esm).filter((name) => !declared.has(name)),
    [],
  )
  assert.deepEqual([...declared].filter((name) => !(name in esm)).sort(), [])
})
