// What the application says about who comes in: authenticate handlers, endpoints of attach(), handOver() and REST alike.
'use strict'

const { listed } = require('./config.js')
const native = require('./native.js')

const MEMBERS = ['userId', 'sessionId', 'rooms', 'subscribe', 'publish', 'welcome', 'state']
/** Further ones of handOver(), which sees no endpoint that could say it. */
const MORE = ['clientId', 'greeting', 'heartbeat', 'raw', 'skipOrigin']

/** Close code where a check failed that had to decide (RFC 6455, 7.4.1). */
const INTERNAL_ERROR = 1011
/** Close codes of docs/protocol.md: not let in, and what the client's own words make impossible. */
const NOT_LET_IN = 4403
const BAD_REQUEST = 4400

const NOBODY = { userId: '', sessionId: '', rooms: [], subscribe: [], publish: [], state: undefined }

/**
 * Ids are somebody's, and come from outside as a rule: one that nobody can have refuses the client that it was found for. An empty
 * user id is no way to say nobody, as clients may bring it.
 */
function checkIds(ids, what) {
  for (const [name, value] of Object.entries(ids)) {
    if (value === undefined || value === null || (value === '' && name !== 'userId')) continue
    if (native.idValid(String(value))) continue
    const sentence = `${what}: ${name} must be 1 to 128 bytes of UTF-8 without control characters`
    throw Object.assign(new Error(sentence), { code: BAD_REQUEST })
  }
}

/**
 * The decision that a value means; null where it refuses. TypeError for what means nothing, an error with a close code for ids that
 * nobody can have; `what` returned it.
 */
function decision(value, what, more = []) {
  if (value === undefined || value === null || value === false) return null
  if (value === true) return { ...NOBODY }
  if (typeof value === 'string' || Number.isSafeInteger(value)) {
    checkIds({ userId: value }, what)
    return { ...NOBODY, userId: String(value) }
  }
  const members = [...MEMBERS, ...more].join(', ')
  if (typeof value !== 'object') {
    throw new TypeError(`${what} must return a user id, an object (${members}), true or null, not a ${typeof value}`)
  }
  const {
    userId,
    user_id = userId,
    sessionId,
    session_id = sessionId,
    rooms,
    subscribe,
    publish,
    welcome,
    state,
    ...rest
  } = value
  const unknown = Object.keys(rest).filter((name) => !more.includes(name))
  if (unknown.length > 0)
    throw new TypeError(`${what} returned an object with ${unknown.join(', ')}; it may have ${members}`)
  if (state !== undefined && (typeof state !== 'object' || state === null))
    throw new TypeError(`${what}: state must be an object, whose members handlers find in connection.state`)
  checkIds({ userId: user_id, sessionId: session_id, clientId: rest.clientId }, what)
  return {
    ...rest,
    userId: idText(user_id),
    sessionId: idText(session_id),
    rooms: listed(rooms),
    subscribe: listed(subscribe),
    publish: listed(publish),
    welcome,
    state,
  }
}

function idText(value) {
  return value === undefined || value === null ? '' : String(value)
}

/** The close code and reason that an error means; undefined if it is an error and no refusal. */
function refusal(error) {
  const code = error?.code
  if (Number.isInteger(code) && code >= 3000 && code <= 4999)
    return { code, reason: String(error.reason ?? error.message ?? '') }
  const status = error?.status ?? error?.statusCode
  if (status === 401 || status === 403) return { code: 4000 + status, reason: String(error.message ?? '') }
  return undefined
}

/** Fields of the application's own may carry what a client has chosen; those of proxies have commas and spaces of their own. */
const OWN_FIELD = /^x-(?!forwarded)/

/**
 * What a client has said in its request: `said`, values of the path's parameters and of the query, which are all its own choice; `kept`,
 * cookies and fields of the application's own (X-…); `empty`, names of parameters without a value.
 */
function wordsOf(params, search, headers = {}) {
  const query = [...new URLSearchParams(search)]
  const said = [...Object.values(params ?? {}), ...query.map(([, value]) => value)]
  const cookies = String(headers.cookie ?? '').split(';')
  const kept = cookies.map((pair) => pair.replace(/^[^=]*=?/, '').replace(/^[ "]+|[ "]+$/g, ''))
  for (const [name, value] of Object.entries(headers)) if (OWN_FIELD.test(name)) kept.push(String(value))
  const empty = query.filter(([, value]) => value === '').map(([name]) => name)
  return { said: [...said, ...said.map(unquoted)], kept: [...kept, ...kept.map(unquoted)], empty }
}

function unquoted(word) {
  try {
    return decodeURIComponent(word)
  } catch {
    return word
  }
}

/**
 * Whether a client may have made a pattern larger: by a star, or by saying nothing. A star in what it has chosen is enough; cookies and
 * ids may have one by chance, so that they must stand in the pattern. `${board}*` with ?board= grants all, `board:${board}*` all boards:
 * it can be known where nothing is left of it, or only the parameter's name.
 */
function grown(pattern, { said, kept, empty }) {
  if (!pattern.endsWith('*')) return false
  const small = pattern.toLowerCase()
  if (said.some((word) => word.includes('*'))) return true
  if (kept.some((word) => word.includes('*') && small.includes(word.trim().toLowerCase()))) return true
  const named = pattern
    .slice(0, -1)
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
    .at(-1)
  return named === undefined ? empty.length > 0 : pattern.at(-2) !== named.at(-1) && empty.includes(named)
}

/**
 * Whether a name is wrong by a client's words: they have a character that no name may have, or are long. What the application does with
 * a word on the way (cuts it out of a list, makes it small) nobody sees. An empty name is a client's that has said nothing.
 */
function spoilt(name, pattern, words) {
  if (typeof name !== 'string' || native.roomValid(name, pattern)) return false
  const odd = [...(pattern ? name.replace(/\*$/, '') : name)].filter(
    (char, i) => !native.roomValid(`a${char}`, false) || (i === 0 && char === '@'),
  )
  if (odd.length > 0) return words.some((word) => odd.some((char) => word.includes(char)))
  return name === '' || words.some((word) => word.length * 2 >= name.length)
}

/**
 * A client whose own words make a decision impossible: a room name with a space from the path, or a star that would have become
 * part of a pattern, or nothing at all. It is told so (4400); that is no fault of the application's. Returns the sentence, undefined if all is well.
 */
function misled(decided, words) {
  const ids = [decided.userId, decided.sessionId, decided.clientId].filter(Boolean)
  const all = { ...words, kept: [...words.kept, ...ids] }
  const patterns = [...decided.subscribe, ...decided.publish].map(String)
  if (patterns.some((pattern) => grown(pattern, all)))
    return 'a parameter of the request must not be empty, nor have a * in it'
  const everything = [...all.said, ...all.kept]
  const bad =
    decided.rooms.some((name) => spoilt(name, false, everything)) ||
    patterns.some((name) => spoilt(name, true, everything))
  return bad ? 'a parameter of the request makes no valid name of a room' : undefined
}

module.exports = { BAD_REQUEST, INTERNAL_ERROR, MORE, NOT_LET_IN, decision, idText, misled, refusal, wordsOf }
