// The live log: bounded, filtered by level and text, can be paused.
import { $, clock, el, text } from './dom.js'

const LEVELS = ['debug', 'info', 'success', 'warning', 'error', 'critical']
const ALWAYS = new Set(['info', 'warning', 'error']) // the others get a button when one has come
const KEPT = 600

export class LogPanel {
  #lines = [] // {level, source, message, time, row}, oldest first; dividers have level ''
  #counts = new Map(LEVELS.map(level => [level, 0]))
  #hidden = new Set()
  #search = ''
  #paused = false
  #held = []
  #buttons = new Map()
  #box = $('log-lines')

  constructor() {
    try {
      this.#hidden = new Set(JSON.parse(localStorage.getItem('log-hidden') ?? '[]'))
    } catch { /* not ours, or no storage: show all */ }
    for (const level of LEVELS) this.#addButton(level)
    $('log-search').oninput = event => { this.#search = event.target.value.trim().toLowerCase(); this.#refilter() }
    $('log-pause').onclick = () => this.#setPaused(!this.#paused)
    $('log-clear').onclick = () => this.#clear()
    $('log-jump').onclick = () => this.#stick()
    this.#box.onscroll = () => { $('log-jump').hidden = this.#atEnd() }
    addEventListener('keydown', event => {
      if (event.key === '/' && !/INPUT|TEXTAREA/.test(event.target.tagName) && !document.querySelector('dialog[open]')) {
        event.preventDefault()
        $('log-search').focus()
      } else if (event.key === 'Escape' && event.target === $('log-search')) {
        event.target.value = ''
        event.target.dispatchEvent(new Event('input'))
        event.target.blur()
      }
    })
  }

  /** One line of the log as it came: data of the event log_message. */
  add(message) {
    const { level = 'info', source = '', message: body = '' } = message.data ?? {}
    const line = { level: LEVELS.includes(level) ? level : 'info', source: source ?? '', message: String(body), time: message.timestamp }
    this.#counts.set(line.level, this.#counts.get(line.level) + 1)
    this.#showCount(line.level)
    this.#take(line)
  }

  /** A mark between lines: the connection was lost, came back, … */
  divide(message) {
    this.#take({ level: '', source: '', message, time: Date.now() })
  }

  #take(line) {
    if (!this.#paused) return this.#append([line])
    this.#held.push(line)
    if (this.#held.length > KEPT) this.#held.shift()
    this.#showPause()
  }

  #append(lines) {
    const stick = this.#atEnd()
    for (const line of lines) {
      line.row = this.#row(line)
      line.row.hidden = !this.#matches(line)
      this.#lines.push(line)
      this.#box.append(line.row)
    }
    while (this.#lines.length > KEPT) this.#lines.shift().row.remove()
    if (stick) this.#stick()
    else $('log-jump').hidden = false
  }

  #row({ level, source, message, time }) {
    if (!level) return el('div', { className: 'divider' }, el('span', {}, message), el('time', {}, clock(time)))
    return el('div', { className: 'line', dataset: { level } },
      el('time', {}, clock(time)), el('abbr', { className: 'level', title: level }, level[0].toUpperCase()),
      el('span', { className: 'body' }, source ? el('span', { className: 'source', title: source }, source.split('.').at(-1)) : null, source ? ' ' : null, message))
  }

  #matches({ level, source, message }) {
    if (!level) return !this.#search
    return !this.#hidden.has(level) && (!this.#search || `${source} ${message}`.toLowerCase().includes(this.#search))
  }

  #refilter() {
    const stick = this.#atEnd()
    for (const line of this.#lines) line.row.hidden = !this.#matches(line)
    if (stick) this.#stick()
  }

  #addButton(level) {
    const count = el('b', {}, '0')
    const button = el('button', { type: 'button', className: 'level-button', dataset: { level } }, el('span', {}, level), count)
    button.hidden = !ALWAYS.has(level)
    button.setAttribute('aria-pressed', String(!this.#hidden.has(level)))
    button.onclick = () => {
      if (!this.#hidden.delete(level)) this.#hidden.add(level)
      button.setAttribute('aria-pressed', String(!this.#hidden.has(level)))
      try {
        localStorage.setItem('log-hidden', JSON.stringify([...this.#hidden]))
      } catch { /* no storage: for this visit only */ }
      this.#refilter()
    }
    this.#buttons.set(level, { button, count })
    $('log-levels').append(button)
  }

  #showCount(level) {
    const { button, count } = this.#buttons.get(level)
    button.hidden = false
    text(count, this.#counts.get(level))
  }

  #setPaused(paused) {
    this.#paused = paused
    $('log-pause').setAttribute('aria-pressed', String(paused))
    if (!paused) this.#append(this.#held.splice(0))
    this.#showPause()
  }

  #showPause() {
    text($('log-pause'), this.#paused ? (this.#held.length ? `Resume · ${this.#held.length} new` : 'Resume') : 'Pause')
  }

  #clear() {
    this.#lines = []
    this.#held = []
    this.#box.replaceChildren()
    for (const level of LEVELS) {
      this.#counts.set(level, 0)
      text(this.#buttons.get(level).count, 0)
    }
    this.#showPause()
  }

  #atEnd() { return this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < 40 }

  #stick() {
    this.#box.scrollTop = this.#box.scrollHeight
    $('log-jump').hidden = true
  }
}
