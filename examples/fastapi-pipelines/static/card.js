// One pipeline: its picture with what was found in it, its numbers, its chart and its buttons.
import { Chart } from './chart.js'
import { el, icon, svg, text } from './dom.js'

const NODES = {
  people_detector: 'HOG people', motion_detector: 'MOG2 motion', tracker: 'Track', people_counter: 'Count',
  line_crossing: 'Line', intrusion_zone: 'Zone',
}
const STATUS = { running: 'Running', starting: 'Starting', stopped: 'Stopped', error: 'Error' }
const TREND = { rising: ['up', 'rising'], falling: ['down', 'falling'], stable: ['flat', 'stable'] }

/** Crossings by direction, as "← 3  → 5". */
export const directions = ({ directions = {} }) => Object.entries(directions).map(([arrow, count]) => `${arrow} ${count}`).join('  ')

// The overlay is drawn in thousandths of its width: text keeps its size in pixels by the inverse scale.
const overlayScale = (overlay, width) => { if (width) overlay.style.setProperty('--pixel', `${1000 / width}px`) }

export class Card {
  status = 'stopped'
  analytics = {}
  fps = 0
  #frame = null // the newest one, drawn with the next repaint
  #parts = {}
  #pending = false

  /** command(action): start_pipeline, stop_pipeline or break_pipeline for this one; returns a promise. */
  constructor(state, command) {
    this.id = state.id
    this.name = state.name
    this.command = command
    this.counts = state.counts
    this.chart = new Chart(state.counts === 'people' ? 'People in view' : 'Moving things in view')
    this.element = this.#build(state)
    this.update(state)
  }

  #build({ id, name, about, nodes, headline }) {
    const p = this.#parts
    const value = (key, label) => {
      p[key] = el('dd', {}, '–')
      return el('div', { className: 'value', dataset: { value: key } }, el('dt', {}, label), p[key])
    }
    p.image = el('img', { alt: '', className: 'picture', hidden: true })
    p.overlay = svg('svg', { class: 'overlay', preserveAspectRatio: 'none', 'aria-hidden': 'true' })
    p.veil = el('p', { className: 'veil' })
    p.status = el('span', { className: 'status', attributes: { role: 'status' } })
    p.rate = el('span', { className: 'rate' })
    p.trend = el('span', { className: 'trend' })
    p.toggle = el('button', { type: 'button', className: 'button', onclick: () => this.#toggle() })
    p.break = el('button', { type: 'button', className: 'button danger', title: 'Make its next frame fail', onclick: () => this.#run('break_pipeline') }, icon('break'), 'Break')
    p.chain = el('p', { className: 'chain', attributes: { 'aria-label': 'Nodes' } }, ...nodes.map(node => el('span', {}, NODES[node] ?? node)))
    const values = el('dl', { className: 'values' }, value('count', this.counts === 'people' ? 'People' : 'Moving'))
    values.firstChild.lastChild.after(p.trend)
    if (headline === 'line') values.append(value('crossings', 'Crossings'), value('directions', 'Direction'))
    else if (headline === 'zone') values.append(value('intrusions', 'Intrusions'), value('inside', 'Inside'))
    else if (nodes.includes('motion_detector')) values.append(value('activity', 'Activity'))
    else values.append(value('detections', 'Detected'))
    values.append(value('time', 'Per frame'))
    new ResizeObserver(([entry]) => overlayScale(p.overlay, entry.contentRect.width)).observe(p.overlay)
    return el('article', { className: 'card', id: `card-${id}`, dataset: { pipeline: id }, attributes: { 'aria-labelledby': `name-${id}` } },
      el('div', { className: 'card-grid' },
      el('div', { className: 'stage' }, p.view = el('div', { className: 'view' }, p.image, p.overlay), p.veil, p.status, p.rate),
      el('div', { className: 'card-head' }, el('h2', { id: `name-${id}` }, name), el('p', { className: 'about' }, about)),
      values, this.chart.element,
      el('div', { className: 'card-foot' }, p.chain, el('div', { className: 'row' }, p.toggle, p.break))))
  }

  /** All there is to know (of /api/state). */
  update(state) {
    this.setStatus(state.status, state.detailed_status)
    this.setAnalytics(state.analytics ?? {})
    this.chart.reset(state.history ?? [])
    if (state.preview) this.setFrame({ fps: state.detailed_status.stats.fps, node_results: { preview: state.preview } })
  }

  setStatus(status, detailed) {
    const p = this.#parts
    this.status = status
    this.element.dataset.status = status
    text(p.status, STATUS[status] ?? status)
    if (detailed) {
      this.fps = status === 'running' ? detailed.stats.fps : 0
      text(p.time, status === 'running' ? `${detailed.stats.processing_ms} ms` : '–')
    }
    text(p.veil, status === 'error' ? detailed?.error_message ?? 'Failed' : status === 'stopped' ? 'Stopped' : status === 'starting' ? 'Starting …' : '')
    text(p.rate, status === 'running' ? `${this.fps.toFixed(1)} fps` : '')
    this.#showButtons()
  }

  setAnalytics(analytics, time = null) {
    const p = this.#parts
    const now = analytics.results ?? {}
    this.analytics = now
    text(p.count, now.people_count ?? '–')
    const [name, word] = TREND[now.trend] ?? TREND.stable
    if (p.trend.dataset.trend !== word) {
      p.trend.dataset.trend = word
      p.trend.replaceChildren(icon(name), el('span', {}, word))
    }
    if (p.crossings) text(p.crossings, now.total_crossings ?? 0)
    if (p.directions) text(p.directions, directions(now))
    if (p.intrusions) text(p.intrusions, now.total_intrusions ?? 0)
    if (p.inside) text(p.inside, now.active_zones ? 'yes' : 'no')
    if (p.activity) text(p.activity, `${now.activity ?? 0} %`)
    this.element.classList.toggle('alarm', Boolean(now.active_zones))
    if (time !== null) this.chart.add(time / 1000, now.people_count ?? 0, (now.new_crossings ?? 0) + (now.new_intrusions ?? 0))
  }

  setFrame(frame) {
    this.#frame = frame
    this.fps = frame.fps
  }

  /** Called with each repaint: draws the newest frame, if there is one that is not drawn. */
  paint() {
    const frame = this.#frame
    if (!frame) return
    this.#frame = null
    const p = this.#parts
    const preview = frame.node_results.preview
    if (preview) {
      p.image.src = `data:image/jpeg;base64,${preview.jpeg}`
      p.image.hidden = false
      const aspect = preview.aspect.toFixed(4)
      if (p.view.style.aspectRatio !== aspect) p.view.style.aspectRatio = aspect
      this.#drawOverlay(preview)
    }
    if (this.status === 'running') text(p.rate, `${frame.fps.toFixed(1)} fps`)
    if (p.detections && frame.detections_count !== undefined) text(p.detections, frame.detections_count)
  }

  #drawOverlay({ boxes, shapes, aspect }) {
    const width = 1000, height = 1000 / aspect
    const { overlay } = this.#parts
    overlay.setAttribute('viewBox', `0 0 ${width} ${height.toFixed(1)}`)
    const drawn = []
    for (const { kind, points, active } of shapes) {
      const list = points.map(([x, y]) => `${(x * width).toFixed(1)},${(y * height).toFixed(1)}`).join(' ')
      const name = kind === 'zone' ? 'polygon' : 'polyline'
      const attributes = { points: list, class: `shape ${kind}${active ? ' active' : ''}`, 'vector-effect': 'non-scaling-stroke' }
      if (kind === 'line') drawn.push(svg(name, { ...attributes, class: 'shape halo' }))
      drawn.push(svg(name, attributes))
    }
    for (const [id, x, y, w, h] of boxes) {
      const box = { x: (x * width).toFixed(1), y: (y * height).toFixed(1), width: (w * width).toFixed(1), height: (h * height).toFixed(1), rx: 6, 'vector-effect': 'non-scaling-stroke' }
      const label = svg('text', { x: (x * width + 3).toFixed(1), y: Math.max(40, y * height - 8).toFixed(1), class: 'tag' })
      label.textContent = id
      drawn.push(svg('rect', { ...box, class: 'box halo' }), svg('rect', { ...box, class: 'box' }), label)
    }
    overlay.replaceChildren(...drawn)
  }

  /** The connection is there or not: without it the buttons can do nothing. */
  setOnline(online) {
    this.online = online
    this.element.classList.toggle('stale', !online)
    this.#showButtons()
  }

  #showButtons() {
    const { toggle, break: breaker } = this.#parts
    const running = this.status === 'running' || this.status === 'starting'
    const label = running ? 'Stop' : this.status === 'error' ? 'Restart' : 'Start'
    if (toggle.dataset.label !== label) {
      toggle.dataset.label = label
      toggle.replaceChildren(icon(running ? 'stop' : 'start'), label)
      toggle.classList.toggle('primary', !running)
      toggle.setAttribute('aria-label', `${label} ${this.name}`)
      breaker.setAttribute('aria-label', `Break ${this.name}`)
    }
    toggle.disabled = this.#pending || !this.online
    breaker.disabled = this.#pending || !this.online || !running
  }

  #toggle() {
    return this.#run(this.status === 'running' || this.status === 'starting' ? 'stop_pipeline' : 'start_pipeline')
  }

  restart() { return this.#run('start_pipeline') }

  async #run(action) {
    this.#pending = true
    this.#showButtons()
    try {
      await this.command(action, { pipeline_id: this.id })
    } finally {
      this.#pending = false
      this.#showButtons()
    }
  }
}
