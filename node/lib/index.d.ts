export * from './events.js'
export * from './functions.js'
export * from './types.js'
