import { useState, type ReactNode } from 'react'
import { Icon } from './Icon'

const isDark = () => {
  const { theme } = document.documentElement.dataset
  return theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
}

export function ThemeButton(): ReactNode {
  const [, again] = useState(0)
  const change = () => {
    const theme = isDark() ? 'light' : 'dark'
    document.documentElement.dataset.theme = theme
    try {
      localStorage.setItem('theme', theme)
    } catch {
      // Storage is switched off: for this visit only.
    }
    again((count) => count + 1)
  }
  return (
    <button type="button" className="square" aria-label="Switch between dark and light" onClick={change}>
      <Icon name="theme" />
    </button>
  )
}
