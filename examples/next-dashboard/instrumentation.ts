// Runs once when the server starts, before the first request.
export async function register() {
  if (process.env.NEXT_RUNTIME === 'nodejs') {
    ;(await import('./lib/live')).start() // configures, so it is first
    // Takes over the WebSocket upgrades of our paths, on the port that Next.js has.
    ;(await import('ws_manager/next')).register()
  }
}
