import type { AttachOptions, WebSocketManager } from './types.js'

/**
 * Takes the WebSocket requests that match an endpoint, on whatever server Next.js listens with. For instrumentation.ts. `endpoints` and
 * `defaults`: as for attach(). `basePath`: that of next.config, which is found where withWsManager() has seen it.
 */
export declare function register(
  options?: { manager?: WebSocketManager; basePath?: string } & Pick<AttachOptions, 'endpoints' | 'defaults'>,
): void
/**
 * Keeps the server's part of this package, and no other, out of the bundles: adds to `serverExternalPackages`. A function that makes the
 * configuration may be given as well.
 */
export declare function withWsManager<A extends unknown[], T extends object>(
  config: (...args: A) => T | Promise<T>,
): (...args: A) => Promise<T & { serverExternalPackages: string[] }>
export declare function withWsManager<T extends object>(config?: T): T & { serverExternalPackages: string[] }
/** The REST calls as a route handler: app/api/ws/[...path]/route.ts. */
export declare const GET: (request: Request) => Promise<Response>
export declare const POST: (request: Request) => Promise<Response>
export declare const OPTIONS: (request: Request) => Promise<Response>
