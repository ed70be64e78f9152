// Line charts of the last five minutes, in SVG. All of them share one cursor: pointing at a moment in one reads it in all.

const WINDOW_MS = 300_000
const CHART_HEIGHT = 132
const LEFT = 58 // for the labels of the scale
const TOP = 8
const BOTTOM = 18

const charts = []
let cursor = null // a moment in Unix ms, or null: now

/** The next number above that makes a scale with halves: 2, 4, 10, 20, 40 … or, of bytes, powers of two. */
function ceiling(value, binary) {
  if (binary) return 2 ** Math.max(1, Math.ceil(Math.log2(value)))
  if (value <= 2) return 2
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 4, 10].find((step) => step * unit >= value) * unit
}

class Chart {
  /** `series`: { label, color (1 to 5), value(sample) -> number or null }. `format`: number -> text. `bound`: () -> number. */
  constructor(title, format, series) {
    this.format = format
    this.series = series
    this.samples = []
    this.plot = svg('svg', { role: 'img', height: CHART_HEIGHT, tabindex: '0', focusable: 'true' })
    this.grid = svg('g', { class: 'grid' })
    this.scale = [0, 1, 2].map(() => this.grid.appendChild(svg('line')))
    this.labels = [0, 1, 2].map(() => this.grid.appendChild(svg('text', { 'text-anchor': 'end', x: LEFT - 6 })))
    this.times = [0, 1, 2, 3, 4, 5].map(() => this.grid.appendChild(svg('text', { y: CHART_HEIGHT - 4 })))
    this.plot.append(this.grid)
    this.lines = series.map((one) => this.plot.appendChild(svg('path', { class: `line c${one.color}` })))
    this.mark = this.plot.appendChild(svg('line', { class: 'mark', y1: TOP, y2: CHART_HEIGHT - BOTTOM }))
    this.values = series.map(() => el('b'))
    const legend = series.map((one, i) =>
      el('li', {}, el('i', { class: `c${one.color}`, 'aria-hidden': 'true' }), one.label + ' ', this.values[i]),
    )
    this.title = title
    this.node = el('figure', { class: 'card chart' }, el('figcaption', {}, title), el('ul', {}, ...legend), this.plot)
    this.plot.addEventListener('pointermove', (event) => this.point(event.offsetX))
    this.plot.addEventListener('pointerleave', () => setCursor(null))
    this.plot.addEventListener('blur', () => setCursor(null))
    this.plot.addEventListener('keydown', (event) => this.key(event))
    new ResizeObserver(() => this.draw()).observe(this.plot)
    charts.push(this)
  }

  get width() {
    return this.plot.clientWidth || 300
  }

  x(at) {
    return LEFT + ((at - this.end + WINDOW_MS) / WINDOW_MS) * (this.width - LEFT - 2)
  }

  point(offset) {
    const at = this.end - WINDOW_MS + ((offset - LEFT) / (this.width - LEFT - 2)) * WINDOW_MS
    setCursor(nearest(this.samples, at)?.at ?? null)
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (event.key === 'Escape') setCursor(null)
    if (!step || !this.samples.length) return
    event.preventDefault()
    const last = this.samples.length - 1
    const at = cursor === null ? last : this.samples.indexOf(nearest(this.samples, cursor))
    setCursor(this.samples[Math.min(last, Math.max(0, at + step * (event.shiftKey ? 10 : 1)))].at)
  }

  update(samples, end) {
    this.samples = samples
    this.end = end
    this.draw()
  }

  draw() {
    if (!this.end || !this.plot.clientWidth) return
    const width = this.width
    const columns = this.series.map((one) => this.samples.map((sample) => one.value(sample)))
    const top = ceiling(Math.max(0, ...columns.flat().filter((value) => value !== null)), this.format === bytes)
    const y = (value) => TOP + (1 - value / top) * (CHART_HEIGHT - TOP - BOTTOM)
    this.plot.setAttribute('viewBox', `0 0 ${width} ${CHART_HEIGHT}`)
    for (let i = 0; i < 3; i++) {
      const at = y((top * i) / 2)
      for (const [name, value] of Object.entries({ x1: LEFT, x2: width, y1: at, y2: at }))
        this.scale[i].setAttribute(name, value)
      this.labels[i].setAttribute('y', at + 4)
      setText(this.labels[i], this.format((top * i) / 2))
    }
    this.times.forEach((text, i) => {
      text.setAttribute('x', this.x(this.end - i * 60_000))
      text.setAttribute('text-anchor', i ? 'middle' : 'end')
      setText(text, i === 0 ? 'now' : i === 5 ? '' : `−${i} min`)
    })
    columns.forEach((column, i) => this.lines[i].setAttribute('d', this.path(column, y)))
    this.read()
  }

  path(column, y) {
    let d = ''
    let before = null
    column.forEach((value, i) => {
      const at = this.samples[i].at
      if (value !== null) {
        const gap = before === null || at - before > 5000
        d += `${gap ? 'M' : 'L'}${this.x(at).toFixed(1)} ${y(value).toFixed(1)}`
      }
      before = value === null ? null : at
    })
    return d
  }

  /** The figures of the moment under the cursor, or of the newest sample. */
  read() {
    const sample = cursor === null ? this.samples.at(-1) : nearest(this.samples, cursor)
    const texts = this.series.map((one) => {
      const value = sample ? one.value(sample) : null
      return value === null ? '–' : this.format(value)
    })
    texts.forEach((text, i) => setText(this.values[i], text))
    const shown = cursor !== null && sample
    this.mark.setAttribute('visibility', shown ? 'visible' : 'hidden')
    if (shown) for (const name of ['x1', 'x2']) this.mark.setAttribute(name, this.x(sample.at))
    this.node.firstChild.textContent = shown ? `${this.title}, ${clock(sample.at)}` : this.title
    this.plot.setAttribute(
      'aria-label',
      `${this.title}, last five minutes. ${shown ? clock(sample.at) : 'Now'}: ` +
        this.series.map((one, i) => `${one.label} ${texts[i]}`).join(', '),
    )
  }
}

/** Of samples in the order of time, the one that is closest to a moment. */
function nearest(samples, at) {
  let low = 0
  let high = samples.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (samples[middle].at < at) low = middle + 1
    else high = middle
  }
  const before = samples[low - 1]
  return before && at - before.at < samples[low].at - at ? before : samples[low]
}

function setCursor(at) {
  if (cursor === at) return
  cursor = at
  for (const chart of charts) chart.read()
}
