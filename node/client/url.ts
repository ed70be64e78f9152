// From what users write to what sockets take.

function resolve(url: string | URL | (() => string | URL)): URL {
  const given = typeof url === 'function' ? url() : url
  const base = typeof location === 'undefined' ? undefined : location.href
  return new URL(given, base)
}

/** ws(s):// of the same host, with the parameters that have a value. */
export function connectionUrl(
  url: string | URL | (() => string | URL),
  parameters: Record<string, string | undefined>,
): string {
  const target = resolve(url)
  target.protocol = target.protocol.replace(/^http/, 'ws')
  target.hash = ''
  for (const [name, value] of Object.entries(parameters)) if (value) target.searchParams.set(name, value)
  return target.href
}

/** Where the REST interface of that server is. */
export function httpBase(url: string | URL | (() => string | URL)): string {
  const target = resolve(url)
  return `${target.protocol.replace(/^ws/, 'http')}//${target.host}/api/ws`
}
