// docs/languages.md names what the package has, and has what it names; tests/python/test_languages.py looks at the other side.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import test from 'node:test'
import * as ws from 'ws_manager'

const page = readFileSync(path.resolve('../../docs/languages.md'), 'utf8')
const lib = path.dirname(createRequire(import.meta.url).resolve('ws_manager'))
const types = ['types.d.ts', 'sending.d.ts', 'events.d.ts']
  .map((name) => readFileSync(path.join(lib, name), 'utf8'))
  .join('')

/** Names of the columns Node and also. */
const named = page
  .split('\n')
  .filter((line) => line.startsWith('| `') || line.startsWith('| – |'))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '').replace(/^–$/, '')))
  .flatMap(([, , node, also]) => [node, also])
  .filter(Boolean)

const manager = new ws.WebSocketManager()

/** Names of a manager: its methods, and what stands on the object itself. */
function members(object) {
  const names = new Set(Object.keys(object))
  for (let type = object; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
    for (const name of Object.getOwnPropertyNames(type)) names.add(name)
  }
  return [...names].filter((name) => name !== 'constructor' && !name.startsWith('_'))
}

/** Names in the declaration of a class. */
function declared(name) {
  const body = new RegExp(`^export declare class ${name}\\b.*\\{\\n([^]*?)^\\}`, 'm').exec(types)[1]
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(<:?]/gm)].map(([, member]) => `${name}.${member}`)
}

test('the page names all that the package has', () => {
  const public_ = [...Object.keys(ws), ...members(manager), ...['Receipt', 'Connection', 'Request'].flatMap(declared)]
  assert.deepEqual(
    public_.filter((name) => !named.includes(name)),
    [],
  )
})

test('the package has all that the page names', () => {
  const has = (name) => {
    const [owner, member] = name.split('.')
    if (member !== undefined) return declared(owner).includes(name)
    return name in ws || name in manager || new RegExp(`^export (interface|type) ${name}\\b`, 'm').test(types)
  }
  assert.deepEqual(
    named.filter((name) => !has(name)),
    [],
  )
})
