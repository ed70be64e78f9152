// The page: what comes through the socket goes to the cards, the totals, the log and the alerts.
import { Card, directions } from './card.js'
import { $, clock, el, text } from './dom.js'
import { LogPanel } from './log.js'
import { LiveSocket } from './socket.js'
import { dismiss, toast } from './toasts.js'

const socket = new LiveSocket('/ws')
const log = new LogPanel()
const cards = new Map()
const started = Date.now()

// ---- state and events ----

async function loadState() {
  const response = await fetch('/api/state')
  if (!response.ok) throw new Error(`/api/state: ${response.status}`)
  const state = await response.json()
  text($('source-name'), state.source)
  for (const pipeline of state.pipelines) {
    const card = cards.get(pipeline.id)
    if (card) card.update(pipeline)
    else addCard(pipeline)
  }
  showTotals()
}

function addCard(pipeline) {
  const card = new Card(pipeline, command)
  cards.set(card.id, card)
  card.setOnline(socket.isOpen)
  $('cards').append(card.element)
}

async function command(action, data) {
  try {
    const result = await socket.request(action, data)
    if (result?.ok === false) throw new Error(result.error)
    return result
  } catch (error) {
    toast({ kind: 'warning', title: 'That did not work', message: error.message })
  }
}

const handlers = {
  pipeline_status_update({ pipeline_id, status, detailed_status }) {
    const card = cards.get(pipeline_id)
    if (!card) return
    card.setStatus(status, detailed_status)
    if (status !== 'error') dismiss(`error:${pipeline_id}`)
  },
  pipeline_frame_update({ pipeline_id, frame_data }) {
    cards.get(pipeline_id)?.setFrame(frame_data)
  },
  pipeline_analytics_update({ pipeline_id, analytics }, { timestamp }) {
    const card = cards.get(pipeline_id)
    if (!card) return
    card.setAnalytics(analytics, Date.parse(timestamp) || Date.now())
    if (analytics.new_intrusions) {
      const total = analytics.results?.total_intrusions
      toast({ kind: 'warning', key: `intrusion:${pipeline_id}`, title: 'Intrusion', message: `Someone entered the zone of ${card.name}${total ? ` · ${total} in all` : ''}` })
    }
  },
  pipeline_error_update({ pipeline_id, error_message }) {
    const card = cards.get(pipeline_id)
    toast({
      kind: 'error', key: `error:${pipeline_id}`, title: `${card?.name ?? pipeline_id} failed`, message: error_message,
      action: card ? { label: 'Restart', run: () => card.restart() } : null,
    })
  },
  system_status(status) { showLoad(status) },
}

socket.addEventListener('message', ({ detail: message }) => {
  const type = message.type ?? message.event_type
  if (type === 'log_message' || type === 'log_entry') return log.add(message)
  handlers[type]?.(message.data ?? message, message)
})

socket.addEventListener('gap', () => loadState().catch(() => {})) // should that fail, the next connection tries again

socket.addEventListener('ready', async ({ detail: { first, gap, recovered } }) => {
  if (!first) log.divide(gap ? 'Reconnected: the server is a new one, state reloaded' : `Resumed: ${recovered} messages recovered`)
  try {
    if (!cards.size) await loadState()
    if (first || gap) {
      const past = await socket.request('history', { room: 'logs', limit: 100 })
      for (const message of past?.messages ?? []) if (socket.isNew(message)) log.add(message)
    }
  } catch { /* the connection broke again: the next one tries again */ }
})

// ---- connection ----

let lost = null // since when
let retryAt = 0
let settle = 0

socket.addEventListener('state', ({ detail }) => {
  const { state, retryIn, recovered, reason } = detail
  const online = ['connected', 'resumed', 'gap'].includes(state)
  clearTimeout(settle)
  $('connection').dataset.state = state
  if (state === 'reconnecting') {
    retryAt = Date.now() + retryIn
    if (lost === null) {
      lost = Date.now()
      if (cards.size) log.divide('Connection lost')
    }
  } else retryAt = 0
  if (online) {
    lost = null
    if (state !== 'connected') settle = setTimeout(() => { $('connection').dataset.state = 'connected'; say('Connected') }, 8000)
  }
  say({
    connecting: 'Connecting', connected: 'Connected', failed: `Refused: ${reason}`,
    resumed: `Resumed: ${recovered} message${recovered === 1 ? '' : 's'} recovered`, gap: 'Gap: state reloaded',
  }[state])
  for (const card of cards.values()) card.setOnline(online)
  document.body.classList.toggle('offline', !online)
})

function say(words) {
  if (words === undefined) {
    const seconds = Math.ceil((retryAt - Date.now()) / 1000)
    words = seconds > 0 ? `Reconnecting in ${seconds} s` : 'Reconnecting'
  }
  text($('connection-text'), words)
}

function showConnection() {
  if (!$('connection-details').matches(':popover-open')) return
  const { received, duplicates, recovered, connections } = socket.counters
  const facts = {
    State: $('connection-text').textContent, Client: socket.clientId || '–', 'Messages received': received,
    'Recovered after a loss': recovered, 'Duplicates dropped': duplicates, Connections: connections, 'Page open since': clock(started),
  }
  for (const [room, [, offset]] of socket.positions) facts[room] = `at ${offset}`
  $('connection-facts').replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))]))
}

$('drop').onclick = () => { $('connection-details').hidePopover(); socket.drop() }
$('reconnect').onclick = () => { $('connection-details').hidePopover(); socket.reconnect() }
$('connection-details').addEventListener('toggle', showConnection)

// ---- numbers ----

function meter(id, words, share) {
  const box = $(id)
  text(box.querySelector('dd'), words)
  box.querySelector('i').style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(3)})`
  box.dataset.heat = share > 0.9 ? 'high' : share > 0.7 ? 'warm' : ''
}

const gigabytes = mebibytes => (mebibytes / 1024).toFixed(1)

function showLoad({ cpu_utilization: cpu, memory_used_mb: used, memory_total_mb: total, process_cpu: own, cores = 1 }) {
  if (typeof cpu === 'number') meter('load-cpu', `${Math.round(cpu)} %`, cpu / 100)
  if (total) meter('load-memory', `${gigabytes(used)} / ${gigabytes(total)} GB`, used / total)
  if (typeof own === 'number') meter('load-process', `${(own / 100).toFixed(2)} cores`, own / 100 / cores)
}

let lastReceived = 0

function showTotals() {
  const all = [...cards.values()]
  const running = all.filter(card => card.status === 'running')
  const failed = all.filter(card => card.status === 'error').length
  const people = running.find(card => card.counts === 'people')
  const sum = key => all.reduce((total, card) => total + (card.analytics[key] ?? 0), 0)
  text($('total-people'), people?.analytics.people_count ?? '–')
  text($('total-people-note'), people ? people.analytics.trend ?? '' : 'no people pipeline runs')
  text($('total-crossings'), sum('total_crossings'))
  text($('total-crossings-note'), all.map(card => directions(card.analytics)).filter(Boolean).join('  '))
  text($('total-intrusions'), sum('total_intrusions'))
  text($('total-intrusions-note'), sum('active_zones') ? 'somebody is inside' : 'nobody inside')
  $('total-intrusions-tile').classList.toggle('alarm', sum('active_zones') > 0)
  text($('total-running'), `${running.length} / ${all.length}`)
  text($('total-running-note'), failed ? `${failed} failed` : `${running.reduce((total, card) => total + card.fps, 0).toFixed(0)} frames / s`)
  document.title = `${failed ? '⚠ ' : ''}${people ? `${people.analytics.people_count ?? 0} in view · ` : ''}Pipelines`
}

setInterval(() => {
  text($('total-rate'), socket.counters.received - lastReceived)
  text($('total-rate-note'), `${socket.counters.received.toLocaleString('en')} in all`)
  lastReceived = socket.counters.received
  if (retryAt) say()
  showTotals()
  showConnection()
  if (!document.hidden) for (const card of cards.values()) card.chart.draw()
}, 1000)

function repaint() {
  for (const card of cards.values()) card.paint()
  requestAnimationFrame(repaint)
}

// ---- source and theme ----

$('source-button').onclick = () => {
  $('source-problem').hidden = true
  $('source-dialog').showModal()
}
$('source-cancel').onclick = () => $('source-dialog').close()
$('source-form').onsubmit = async event => {
  event.preventDefault()
  $('source-submit').disabled = true
  try {
    const result = await socket.request('set_source', { source: $('source-input').value })
    if (!result.ok) throw new Error(result.error)
    $('source-dialog').close()
    await loadState()
    toast({ kind: 'success', title: 'New source', message: result.source })
  } catch (error) {
    text($('source-problem'), error.message)
    $('source-problem').hidden = false
  } finally {
    $('source-submit').disabled = false
  }
}

$('theme').onclick = () => {
  const root = document.documentElement
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  root.dataset.theme = dark ? 'light' : 'dark'
  try {
    localStorage.setItem('theme', root.dataset.theme)
  } catch { /* no storage: for this visit only */ }
}

socket.join('logs')
socket.connect()
repaint()
