import { withWsManager } from 'ws_manager/next'

// Keeps the native addon out of the bundle, and copies it into standalone output (NEXT_OUTPUT=standalone).
export default withWsManager({
  poweredByHeader: false,
  output: process.env.NEXT_OUTPUT === 'standalone' ? 'standalone' : undefined,
})
