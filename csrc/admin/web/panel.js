// Polling, the key, the views.

const KEY = 'ws_manager.admin.key'
const THEME = 'ws_manager.admin.theme'
const VIEWS = ['overview', 'connections', 'rooms', 'events', 'bans']
const PERIOD_MS = 1000
const PATIENCE_MS = 8000

// Beside the page, whatever prefix the host has put before both.
const API = new URL('../api/ws/admin/', location.href.split('#')[0].split('?')[0])

let state = null
let view = 'overview'
let timer
let polling = null
let failures = 0
const lists = {}

/** What cannot be answered by trying again: `status` says which. */
class Refused extends Error {
  constructor(status, message, byHost) {
    super(message)
    this.status = status
    this.byHost = byHost // by the application that the panel is mounted in, not by ws_manager
  }
}

async function fetchJson(url, options = {}) {
  const key = sessionStorage.getItem(KEY)
  const headers = { accept: 'application/json', ...(key ? { 'x-api-key': key } : {}), ...options.headers }
  const answer = await fetch(url, { ...options, headers, cache: 'no-store', redirect: 'manual' })
  const body = await answer.json().catch(() => null)
  if (answer.ok) return body
  if (answer.type === 'opaqueredirect') throw new Refused(403, 'The application wants you to log in again.', true)
  const detail = typeof body?.detail === 'string' ? body.detail : `The server answered ${answer.status}.`
  throw new Refused(answer.status, body?.error?.message ?? detail, !body?.error)
}

const call = (action, body) =>
  fetchJson(new URL(action, API), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

// ---- polling -------------------------------------------------------------------------------------------------------

function stateUrl() {
  const query = { view, since: past.next, ...(lists[view]?.query ?? {}) }
  if (view === 'events') query.after = tail.last
  const url = new URL('state', API)
  url.search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '' && value !== undefined))
  return url
}

/** Asks now, and from then on once a second while somebody can see it. */
async function poll() {
  clearTimeout(timer)
  polling?.abort()
  const mine = (polling = new AbortController())
  const patience = setTimeout(() => mine.abort(), PATIENCE_MS)
  try {
    const answer = await fetchJson(stateUrl(), { signal: mine.signal })
    if (mine !== polling) return
    failures = 0
    show(answer)
  } catch (error) {
    if (mine !== polling) return
    if (error instanceof Refused && [401, 403, 404].includes(error.status)) return shut(error)
    failures++
    showStatus(
      'unreachable',
      error instanceof Refused
        ? error.message
        : `no answer since ${state ? clock(state.now) : 'the beginning'}; trying again`,
    )
  } finally {
    clearTimeout(patience)
  }
  if (!document.hidden) timer = setTimeout(poll, PERIOD_MS * Math.min(5, 1 + failures))
}

function showStatus(status, facts) {
  const pill = $('status')
  setText(pill, status)
  pill.dataset.status = status
  setText($('facts'), facts)
  document.body.classList.toggle('stale', status === 'unreachable')
}

function show(answer) {
  state = answer
  $('login').hidden = $('shut').hidden = true
  $('panel').hidden = false
  const up = duration((state.now - state.started) / 1000)
  const rooms = state.access.split(':')[0]
  showStatus(state.status, `${state.version} · up ${up} · ${location.host} · rooms ${rooms}`)
  $('facts').title = state.access
  past.add(state.samples, state.started)
  for (const [name, value] of [
    ['connections', state.stats.active_connections],
    ['rooms', state.stats.rooms],
    ['bans', state.stats.banned],
  ])
    setText(document.querySelector(`[data-count=${name}]`), value ? count(value) : '')
  if (view === 'overview') showOverview(state)
  if (state.connections) lists.connections.show(state.connections)
  if (state.rooms) lists.rooms.show(state.rooms)
  if (state.bans) showBans(state.bans)
  if (state.events) addEvents(state.events)
}

// ---- the key -------------------------------------------------------------------------------------------------------

/** The door is shut: by a key that is missing or wrong, or for a reason that no key helps against. */
function shut(error) {
  const had = sessionStorage.getItem(KEY)
  const wantsKey = error.status === 401 && !error.byHost
  sessionStorage.removeItem(KEY)
  $('panel').hidden = true
  $('login').hidden = !wantsKey
  $('shut').hidden = wantsKey
  showStatus('locked', '')
  setText($('login-error'), had ? 'This key was not accepted.' : '')
  setText($('shut-why'), error.message)
  if (wantsKey) $('key').focus()
}

$('shut-again').addEventListener('click', () => location.reload())

$('login').addEventListener('submit', (event) => {
  event.preventDefault()
  sessionStorage.setItem(KEY, $('key').value.trim())
  $('key').value = ''
  poll()
})

// ---- views and theme -----------------------------------------------------------------------------------------------

function choose() {
  const wanted = location.hash.slice(1)
  view = VIEWS.includes(wanted) ? wanted : 'overview'
  for (const name of VIEWS) $(name).hidden = name !== view
  for (const link of document.querySelectorAll('nav a'))
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  setCursor(null)
  poll()
}

function setTheme(theme) {
  document.documentElement.style.colorScheme = theme
  $('theme').value = theme
}

$('theme').addEventListener('change', () => {
  localStorage.setItem(THEME, $('theme').value)
  setTheme($('theme').value)
})
setTheme(localStorage.getItem(THEME) ?? 'light dark')

makeTiles()
makeCharts()
lists.connections = makeConnections()
lists.rooms = makeRooms()
makeEvents()
makeBans()
addEventListener('hashchange', choose)
document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : poll()))
choose()
