// What imports the server's part of the package where it can't be, or a position where there is no request, does not build.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLAIN, app, build } from './small.mjs'

const wrong = {
  'a page that is made once': [
    { 'app/page.tsx': `export const dynamic = 'force-static'\n${PLAIN}` },
    /position\(\) was called while next build renders a page/,
  ],
  'a client component': [
    {
      'app/page.tsx': `'use client'
        import { wsManager } from 'ws_manager'
        export default function Page() { return <button onClick={() => wsManager.broadcast({})}>x</button> }`,
    },
    /only-in-node--here-use-ws_manager-client-or-react/,
  ],
  'a route at the edge': [
    {
      'app/edge/route.ts': `import { wsManager } from 'ws_manager'
        export const runtime = 'edge'
        export const GET = () => { wsManager.broadcast({}); return new Response('x') }`,
    },
    /only-in-node--here-use-ws_manager-client-or-react/,
  ],
  'a configuration without withWsManager()': [
    { 'next.config.ts': 'export default {}' },
    /the server part of ws_manager was bundled.*withWsManager/,
  ],
}

for (const [name, [files, sentence]] of Object.entries(wrong)) {
  test(`what is on the wrong side is told so while it is built: ${name}`, async (t) => {
    const { status: built, text: said } = build(app(t, 'wrong', files))
    assert.notEqual(built, 0)
    assert.match(said, sentence)
  })
}
