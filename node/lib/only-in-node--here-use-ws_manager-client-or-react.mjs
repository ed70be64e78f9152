// What bundlers take for `ws_manager` where no server is: in the browser, and in runtimes at the edge.
// Some of them show nothing but its name: Turbopack says that 'wsManager' was not found in it.

// A module that exports nothing: a bundler then says that what is wanted is not in here, and does not build.
export {}

throw new Error(
  "ws_manager and ws_manager/next are the server part and run in Node.js only. In the browser, and in components with 'use client', " +
    "import from 'ws_manager/client' or 'ws_manager/react'. A route, a middleware or instrumentation of Next.js that needs the server " +
    "must run on Node.js: export const runtime = 'nodejs'.",
)
