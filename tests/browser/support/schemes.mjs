// Dark and light as pages ask for it, and what the components look like then.
import assert from 'node:assert/strict'

const LIGHT = { card: 'rgb(255, 255, 255)', text: 'rgb(22, 27, 33)', line: 'rgb(223, 229, 234)' }
const DARK = { card: 'rgb(20, 24, 30)', text: 'rgb(232, 237, 243)', line: 'rgb(40, 49, 60)' }

const look = (page) =>
  page.evaluate(() => {
    const {
      backgroundColor: card,
      color: text,
      borderTopColor: line,
      borderTopWidth: width,
    } = getComputedStyle(document.querySelector('.wsm-card'))
    return { card, text, line, width }
  })

/** How a page says it by script, and takes it back. */
const WAYS = {
  'style.colorScheme': [
    (scheme) => (document.documentElement.style.colorScheme = scheme),
    () => (document.documentElement.style.colorScheme = ''),
  ],
  class: [(scheme) => (document.documentElement.className = scheme), () => (document.documentElement.className = '')],
  'data-theme': [
    (scheme) => (document.documentElement.dataset.theme = scheme),
    () => delete document.documentElement.dataset.theme,
  ],
  'data-theme further in': [
    (scheme) => (document.body.dataset.theme = scheme),
    () => delete document.body.dataset.theme,
  ],
}

/** What the system wishes, and each way to say something else, as often as a page likes. */
export async function checkSchemes(page, about) {
  const expected = { light: { ...LIGHT, width: '1px' }, dark: { ...DARK, width: '1px' } }
  for (const system of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: system })
    assert.deepEqual(await look(page), expected[system], `${about}: the system wishes ${system}`)
    for (const [way, [say, unsay]] of Object.entries(WAYS)) {
      for (const scheme of ['dark', 'light', 'dark']) {
        await page.evaluate(say, scheme)
        assert.deepEqual(await look(page), expected[scheme], `${about}: ${way} says ${scheme}, the system ${system}`)
      }
      await page.evaluate(unsay)
      assert.deepEqual(await look(page), expected[system], `${about}: ${way} says nothing any more`)
    }
  }
}
