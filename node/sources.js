// What binding.gyp asks for: the sources of the addon, include directories and libraries. The folders of the core and the
// libraries with their Debian packages stand in csrc/CMakeLists.txt and csrc/cmake/dependencies.cmake, and nowhere else.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')

/** The folders of csrc whose *.c files are the core. */
function layers() {
  const text = fs.readFileSync(path.join(ROOT, 'csrc/CMakeLists.txt'), 'utf8')
  const match = /^set\(wsm_layers ([a-z ]+)\)$/m.exec(text)
  if (!match) throw new Error('csrc/CMakeLists.txt does not say set(wsm_layers …)')
  return match[1].split(' ')
}

/** The libraries that the addon is linked with: pkg-config module, least version, Debian package. */
function dependencies() {
  const text = fs.readFileSync(path.join(ROOT, 'csrc/cmake/dependencies.cmake'), 'utf8')
  const rows = [...text.matchAll(/^wsm_need\(\w+ (\S+) (\S+) (\S+)\)$/gm)]
  // libuv is Node's own.
  return rows
    .map(([, module, version, debian]) => ({ module, version, debian }))
    .filter((row) => row.module !== 'libuv')
}

function sources() {
  const folders = [...layers().map((layer) => path.join('csrc', layer)), 'node/src']
  return folders.flatMap((folder) => {
    const full = path.join(ROOT, folder)
    if (!fs.existsSync(full)) return []
    const names = fs.readdirSync(full).filter((name) => name.endsWith('.c'))
    return names.sort().map((name) => path.join(folder, name))
  })
}

function pkgConfig(option) {
  const modules = dependencies().map((row) => row.module)
  return execFileSync('pkg-config', [option, ...modules], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
    .filter(Boolean)
}

const include = () => pkgConfig('--cflags-only-I').map((flag) => flag.slice(2))

/**
 * Node 22 and later have an SQLite of their own in the program, whose functions would stand in for those of the library: the archive is
 * linked into the addon instead, where nobody else sees it.
 */
function ownSqlite(flags) {
  const query = ['--variable=libdir', 'sqlite3']
  const folder = execFileSync('pkg-config', query, { encoding: 'utf8' }).trim()
  if (!fs.existsSync(path.join(folder, 'libsqlite3.a'))) return flags
  return flags
    .map((flag) => (flag === '-lsqlite3' ? '-l:libsqlite3.a' : flag))
    .concat('-Wl,--exclude-libs,libsqlite3.a', '-ldl')
}

const libraries = () => ownSqlite(pkgConfig('--libs')).concat('-lm')

module.exports = { dependencies, layers, sources }

if (require.main === module) {
  const answers = { sources, include, libraries }
  console.log(answers[process.argv[2]]().join('\n'))
}
