import type { Metadata, Viewport } from 'next'
import { GeistMono } from 'geist/font/mono'
import { GeistSans } from 'geist/font/sans'
import type { ReactNode } from 'react'
import 'ws_manager/react/styles.css'
import './globals.css'
import './panels.css'

export const metadata: Metadata = {
  title: 'Factory · ws_manager',
  description: 'A machine, its jobs and a board, live in every window',
}
export const viewport: Viewport = { colorScheme: 'dark light' }

// Before anything is painted: who chose dark or light gets it at once.
const THEME = `try { const theme = localStorage.getItem('theme'); if (theme) document.documentElement.dataset.theme = theme } catch {}`

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" className={`${GeistSans.variable} ${GeistMono.variable}`} suppressHydrationWarning>
      <body>
        <script dangerouslySetInnerHTML={{ __html: THEME }} />
        {children}
      </body>
    </html>
  )
}
