// Small helpers around the DOM.

export const $ = id => document.getElementById(id)

/** An element with properties (`dataset` and `attributes` as objects) and children. */
export function el(tag, properties = {}, ...children) {
  const { dataset, attributes, ...rest } = properties
  const element = Object.assign(document.createElement(tag), rest)
  Object.assign(element.dataset, dataset)
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value)
  element.append(...children.filter(child => child !== null && child !== undefined))
  return element
}

/** An SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

export function icon(name) {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true' }, svg('use', { href: `/static/icons.svg#${name}` }))
}

/** Set text only when it differs: no work for the browser, and no announcement by a screen reader. */
export function text(element, value) {
  const string = String(value)
  if (element.textContent !== string) element.textContent = string
}

export const clock = when => new Date(when).toLocaleTimeString([], { hour12: false })
