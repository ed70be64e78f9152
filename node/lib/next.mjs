// For `import`; the one implementation is next.js.
import next from './next.js'

export const { register, withWsManager, GET, POST, OPTIONS } = next
