// In Next.js: what is true at a moment must not become a part of a page that is rendered once, for everybody and for long.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')

/** Where next.config's basePath is left; that it is there says that this process is Next.js. */
const BASE_PATH = 'WS_MANAGER_NEXT_BASE_PATH'

const BUILD = 'phase-production-build'

/** What Next.js says where nothing is being rendered: then there is no page that could become static. */
const NO_PAGE = /outside a request scope|inside `after\(\)`/

/** Next's own connection(), or null where it can't be found. */
let connection

function inNext() {
  return process.env[BASE_PATH] !== undefined || process.env.__NEXT_PRIVATE_STANDALONE_CONFIG !== undefined
}

function connectionOfNext() {
  const folders = [process.cwd(), __dirname]
  for (const name of ['next/server', 'next/dist/server/request/connection']) {
    for (const folder of folders) {
      try {
        return createRequire(path.join(folder, 'x.js'))(name).connection ?? null
      } catch {
        // The next place, then.
      }
    }
  }
  return null
}

/**
 * Says to Next.js that `call` belongs to a request: the page is rendered for each (as after `await connection()`), and with
 * cacheComponents what is around it may be static. Elsewhere nothing happens. An Error where a page is made while building all the same.
 */
async function perRequest(call) {
  if (!inNext()) return
  connection ??= connectionOfNext()
  try {
    await connection?.()
  } catch (error) {
    if (!NO_PAGE.test(error?.message ?? '')) throw error
  }
  if (process.env.NEXT_PHASE !== BUILD) return
  throw new Error(
    `${call} was called while next build renders a page: what it says is true of that moment only, and of no server that runs later. ` +
      "Call it where there is a request: after `await connection()` from 'next/server', and not in a page with dynamic = 'force-static'.",
  )
}

module.exports = { BASE_PATH, perRequest }
