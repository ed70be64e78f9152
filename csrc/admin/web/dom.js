// Small helpers. Whatever comes from outside is put into the page as text (textContent), never as markup; the
// Content-Security-Policy (trusted-types 'none') makes sure of it.

const $ = (id) => document.getElementById(id)

/** An element. `props`: properties, `class`, `data-…` and `aria-…` attributes, or `on…` listeners. */
function el(name, props = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value)
    else if (key === 'class') node.className = value
    else if (key.includes('-') || key === 'role' || key === 'for' || key === 'scope' || key === 'colspan')
      node.setAttribute(key, value)
    else node[key] = value
  }
  node.append(...children)
  return node
}

/** An element of SVG, by attributes. */
function svg(name, attributes = {}) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  return node
}

/** Changes a text only where it differs: selections stay, and nothing is laid out for nothing. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** Makes the children of `parent` these nodes, moving only those that are out of place: what has the focus keeps it. */
function arrange(parent, nodes) {
  let at = parent.firstElementChild
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling
    else parent.insertBefore(node, at)
  }
  while (at) {
    const next = at.nextElementSibling
    at.remove()
    at = next
  }
}

// ---- numbers -------------------------------------------------------------------------------------------------------

const whole = new Intl.NumberFormat('en')
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const two = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })

const count = (n) => whole.format(Math.round(n))

/** 1234567 -> "1.23 M" */
function short(n) {
  const size = Math.abs(n)
  if (size >= 1e9) return two.format(n / 1e9) + ' G'
  if (size >= 1e6) return two.format(n / 1e6) + ' M'
  if (size >= 1e5) return one.format(n / 1e3) + ' k'
  if (size >= 100 || Number.isInteger(n)) return whole.format(Math.round(n))
  return one.format(n)
}

function bytes(n) {
  if (n >= 2 ** 30) return two.format(n / 2 ** 30) + ' GiB'
  if (n >= 2 ** 20) return two.format(n / 2 ** 20) + ' MiB'
  if (n >= 2 ** 10) return one.format(n / 2 ** 10) + ' KiB'
  return whole.format(Math.round(n)) + ' B'
}

/** Seconds -> "3 h 12 min" */
function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`
}

/** Seconds as they fit into a column: "42s", "12m", "3h", "5d". */
function age(seconds) {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m`
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`
}

const pad = (n, width = 2) => String(n).padStart(width, '0')
function clock(ms, fraction = false) {
  const d = new Date(ms)
  const text = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`
  return fraction ? `${text}.${pad(d.getMilliseconds(), 3)}` : text
}

// ---- asking and telling --------------------------------------------------------------------------------------------

/** Resolves to true if the question is answered with the action's own button. */
function confirmed(title, text, action) {
  const dialog = $('confirm')
  setText($('confirm-title'), title)
  setText($('confirm-text'), text)
  setText($('confirm-yes'), action)
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }),
  )
}

let toastTimer
function toast(text, failed = false) {
  const node = $('toast')
  node.textContent = text
  node.classList.toggle('error', failed)
  node.classList.add('shown')
  clearTimeout(toastTimer)
  toastTimer = setTimeout(() => node.classList.remove('shown'), 6000)
}
