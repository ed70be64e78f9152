// One value per process. Next.js bundles a module once per entry point, so a module's own variables are not singletons.
export function once<T>(name: string, make: () => T): T {
  const key = Symbol.for(`next-dashboard.${name}`)
  const global = globalThis as unknown as Record<symbol, T | undefined>
  return (global[key] ??= make())
}
