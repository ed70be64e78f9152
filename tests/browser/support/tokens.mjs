// JSON Web Tokens as a login would make them (HS256).
import { createHmac } from 'node:crypto'

export const SECRET = 'a-secret-of-the-browser-tests-0123456789'

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** seconds: how long it is good; negative: it has been over for so long. */
export function token(seconds, claims = {}) {
  const now = Math.floor(Date.now() / 1000)
  const head = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: 'user-1', rooms: ['*'], exp: now + seconds, ...claims })}`
  return `${head}.${createHmac('sha256', SECRET).update(head).digest('base64url')}`
}
