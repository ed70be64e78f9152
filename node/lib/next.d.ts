import type { WebSocketManager } from './types.js'

/** Takes the WebSocket requests that match an endpoint, on whatever server Next.js listens with. For instrumentation.ts. */
export declare function register(options?: { manager?: WebSocketManager }): void
/** Keeps the server's part of this package, and no other, out of the bundles: adds to `serverExternalPackages`. */
export declare function withWsManager<T extends object>(config?: T): T & { serverExternalPackages: string[] }
/** The REST calls as a route handler: app/api/ws/[...path]/route.ts. */
export declare const GET: (request: Request) => Promise<Response>
export declare const POST: (request: Request) => Promise<Response>
