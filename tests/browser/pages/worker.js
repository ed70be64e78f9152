// The recorder in a worker: a dedicated one, or one that several pages share. Answers {make} and {ask} by messages.
import { clients, record } from './recorder.js'

const serve = (port) => {
  port.onmessage = ({ data }) => {
    if (data.make) record('main', data.make)
    else port.postMessage({ log: clients.main?.log ?? [], status: clients.main?.client.status })
  }
}
if ('onconnect' in globalThis) globalThis.onconnect = ({ ports: [port] }) => serve(port)
else serve(globalThis)
