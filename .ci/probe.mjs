// probe.mjs PORT: a client that says "ready" once it is served, and then how it was closed.
const [, , port] = process.argv
const ws = new WebSocket(`ws://127.0.0.1:${port}/ws/updates`)
ws.onmessage = async ({ data }) => {
  const { type, data: what } = JSON.parse(data)
  console.log(type, type === 'said' ? what : '')
  if (type === 'said') console.log('ready')
  if (type !== 'connected') return
  const { status } = await fetch(`http://127.0.0.1:${port}/say/hello`, { method: 'POST' })
  if (status === 404) console.log('ready') // an application that says nothing
}
ws.onclose = ({ code, reason }) => console.log('closed', code, reason)
