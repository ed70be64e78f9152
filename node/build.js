// Builds the addon, the server part, with node-gyp: `npm install` runs it. Further arguments, and what stands in WS_MANAGER_GYP,
// go to gyp (-Dwsm_sanitize=address).
//
// The browser client and the React package need no addon, and their users often have neither Linux nor a compiler. So an installation
// goes well where the addon can't be built: why is said, and said again by require('ws_manager'). WS_MANAGER_ADDON=required has it fail
// there, WS_MANAGER_ADDON=skip builds nothing. `npm rebuild` and calls of this file always fail where they can't.
//
// Node's headers are taken from beside the running Node where they are (packages of NodeSource, nvm, the official archives,
// Debian's libnode-dev); node-gyp downloads them only where they are not.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { dependencies } = require('./sources.js')

const ROOT = path.join(__dirname, '..')
const COMMANDS = [
  ['make', 'build-essential'],
  ['cc', 'build-essential'],
  ['pkg-config', 'pkg-config'],
  ['python3', 'python3'],
]
const EVENT_LIBRARY = 'libwebsockets-evlib_uv.so'

/** What is built. */
const ADDON = path.join(ROOT, 'build/Release/ws_manager.node')
/** Where native.js finds why there is no addon. */
const REASON = path.join(ROOT, 'build/not_built.txt')
const { npm_lifecycle_event: event, npm_command: command, WS_MANAGER_ADDON: addon = '' } = process.env
const needed = addon === 'required' || event !== 'install' || command === 'rebuild'

function leave(sentence) {
  fs.mkdirSync(path.dirname(REASON), { recursive: true })
  fs.writeFileSync(REASON, `${sentence}\n`)
  if (needed) console.error(`\nws_manager: ${sentence}\n`)
  else
    console.warn(
      `ws_manager: the server part was not built: ${sentence}\n` +
        'ws_manager: ws_manager/client and ws_manager/react do without it.',
    )
  process.exit(needed ? 1 : 0)
}

function succeeds(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function output(command, ...args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout?.trim() ?? ''
}

function compiles(include) {
  const compiler = spawnSync('cc', ['-E', '-xc', '-', '-o', '/dev/null'], { input: `#include <${include}>\n` })
  return compiler.status === 0
}

/** Debian packages of what the build needs and this machine does not have. */
function missing() {
  const packages = COMMANDS.filter(([name]) => !succeeds('sh', '-c', `command -v ${name}`)).map(([, debian]) => debian)
  // Without them nothing else can be found out; to name what is there already does no harm.
  if (packages.length > 0)
    return [...packages, ...dependencies().map(({ debian }) => debian), 'libwebsockets-evlib-uv', 'uthash-dev']
  for (const { module, version, debian } of dependencies()) {
    if (succeeds('pkg-config', `${module} >= ${version}`)) continue
    if (succeeds('pkg-config', '--exists', module)) {
      const found = output('pkg-config', '--modversion', module)
      leave(`${module} ${found} is too old: ${version} or later is needed (Debian 12 has it).`)
    }
    packages.push(debian)
  }
  if (!compiles('uthash.h')) packages.push('uthash-dev')
  // libwebsockets loads its libuv support when the runtime starts: the build would succeed without it.
  const folder = output('pkg-config', '--variable=libdir', 'libwebsockets')
  if (folder && !fs.existsSync(path.join(folder, EVENT_LIBRARY))) packages.push('libwebsockets-evlib-uv')
  return packages
}

/** The prefix under which Node's headers of this very version are, if they are at hand. */
function headers() {
  const prefix = path.join(fs.realpathSync(process.execPath), '..', '..')
  try {
    const text = fs.readFileSync(path.join(prefix, 'include/node/node_version.h'), 'utf8')
    const part = (name) => new RegExp(`^#define NODE_${name}_VERSION (\\d+)$`, 'm').exec(text)?.[1]
    const found = [part('MAJOR'), part('MINOR'), part('PATCH')].join('.')
    if (found !== process.versions.node) return undefined
    // gyp needs the settings that Node was built with, and we its uv.h.
    for (const file of ['common.gypi', 'config.gypi', 'uv.h']) fs.accessSync(path.join(prefix, 'include/node', file))
    return prefix
  } catch {
    return undefined
  }
}

/** node-gyp: the one npm runs scripts with, one that is installed, or the one inside npm. */
function nodeGyp() {
  const candidates = [process.env.npm_config_node_gyp]
  const node = fs.realpathSync(process.execPath)
  const bases = [ROOT, path.join(node, '../../lib/node_modules/npm'), '/usr/share/nodejs']
  for (const base of bases) {
    try {
      candidates.push(require.resolve('node-gyp/bin/node-gyp.js', { paths: [base] }))
    } catch {
      candidates.push(path.join(base, 'node-gyp/bin/node-gyp.js'))
    }
  }
  const found = candidates.find((file) => file && fs.existsSync(file))
  if (!found)
    leave('node-gyp was not found. It comes with npm; or: npm install --global node-gyp; then: npm rebuild ws_manager.')
  return found
}

fs.rmSync(REASON, { force: true })
if (!['', 'required', 'skip'].includes(addon)) {
  console.error(`ws_manager: WS_MANAGER_ADDON is "${addon}": required and skip are what it may be.`)
  process.exit(1)
}
if (addon === 'skip') leave('WS_MANAGER_ADDON=skip was set. Without it: npm rebuild ws_manager.')
if (process.platform !== 'linux')
  leave(`it runs on Linux, and this is ${process.platform}. A container will do, or WSL.`)

const packages = [...new Set(missing())]
if (packages.length > 0) {
  leave(
    `it needs what was not found here. On Debian or Ubuntu, as root: apt-get install ${packages.join(' ')}; ` +
      'then: npm rebuild ws_manager.',
  )
}

const prefix = headers()
const nodedir = prefix && !process.env.npm_config_nodedir ? [`--nodedir=${prefix}`] : []
const gyp = [...process.argv.slice(2), ...(process.env.WS_MANAGER_GYP ?? '').split(' ').filter(Boolean)]
// Not `rebuild`: it would remove the whole of build/, where a clone of the repository has other things as well.
for (const step of [
  ['configure', ...nodedir, ...(gyp.length > 0 ? ['--', ...gyp] : [])],
  ['build', ...nodedir],
]) {
  const result = spawnSync(process.execPath, [nodeGyp(), ...step], { cwd: ROOT, stdio: 'inherit' })
  if (result.status !== 0) leave('the compiler failed; `npm rebuild ws_manager` shows what it says.')
}

// binding.gyp takes care of that; settings of the user's own can still link it.
if (fs.readFileSync(ADDON).includes('libnode.so')) {
  fs.rmSync(ADDON)
  leave(
    'the addon was linked to libnode, and any other Node would crash when it loads it. Some setting of node-gyp, LDFLAGS or LIBS ' +
      'adds -lnode: remove that; then: npm rebuild ws_manager.',
  )
}
