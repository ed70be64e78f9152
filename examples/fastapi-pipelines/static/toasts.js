// Alerts in the corner: at most five; a second one of the same key takes the first one's place.
import { $, el, icon } from './dom.js'

const MOST = 5
const LIFE = { info: 5000, success: 4000, warning: 8000, error: 0 } // ms; 0 stays until it is closed

/** kind: info, success, warning, error. action: {label, run}. */
export function toast({ kind = 'info', title, message = '', key = '', action = null }) {
  const region = $('toasts')
  if (key) for (const old of region.children) if (old.dataset.key === key) old.remove()
  const close = el('button', { type: 'button', className: 'square plain', attributes: { 'aria-label': 'Dismiss' } }, icon('close'))
  const box = el('div', { className: 'toast', dataset: { kind, key }, attributes: { role: kind === 'error' || kind === 'warning' ? 'alert' : 'status' } },
    el('div', { className: 'toast-text' }, el('strong', {}, title), message ? el('span', {}, message) : null),
    action ? el('button', { type: 'button', className: 'button small', onclick: () => { box.remove(); action.run() } }, action.label) : null,
    close)
  close.onclick = () => box.remove()
  region.append(box)
  while (region.children.length > MOST) region.firstElementChild.remove()
  let timer = 0
  const arm = () => { if (LIFE[kind]) timer = setTimeout(() => box.remove(), LIFE[kind]) }
  box.onmouseenter = box.onfocusin = () => clearTimeout(timer)
  box.onmouseleave = box.onfocusout = () => { clearTimeout(timer); arm() }
  arm()
}

/** Take away the alerts of a key: what they said is over. */
export function dismiss(key) {
  for (const box of [...$('toasts').children]) if (box.dataset.key === key) box.remove()
}
