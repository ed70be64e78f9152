// ws_manager: real-time push inside the web server that an application already has.
//
//   const { wsManager } = require('ws_manager')        or: import { wsManager } from 'ws_manager'
//   await wsManager.attach(server)
//   wsManager.notifyPipelineUpdate({ pipeline_id: '7', status: 'running' })
//
// The functions here are the methods of the process's default manager, which is `wsManager`.
'use strict'

const native = require('./native.js')
const errors = require('./errors.js')
const { Connection, Request } = require('./connection.js')
const { EventType } = require('./events.js')
const { WebSocketManager } = require('./manager.js')
const { Receipt } = require('./receipt.js')

// Bundlers may copy this file into several places of one process; the default manager is one all the same.
const KEY = Symbol.for(`ws_manager@${native.VERSION}`)
const wsManager = (globalThis[KEY] ??= new WebSocketManager(undefined, 'default'))

const { WsManagerError, errorOf: _errorOf, ...kinds } = errors

module.exports = {
  ...kinds,
  WsManagerError,
  Connection,
  EventType,
  Receipt,
  Request,
  WebSocketManager,
  connectionManager: wsManager,
  connection_manager: wsManager,
  adminHandler: wsManager.adminHandler,
  fastifyPlugin: wsManager.fastifyPlugin,
  restHandler: wsManager.restHandler,
  version: native.VERSION,
  wsManager,
  ws_manager: wsManager,
}

for (let type = WebSocketManager.prototype; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
    if (typeof value !== 'function' || name === 'constructor' || name.startsWith('_') || name in module.exports)
      continue
    module.exports[name] = value.bind(wsManager)
  }
}
