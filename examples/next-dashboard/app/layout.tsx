import type { Metadata, Viewport } from 'next'
import type { ReactNode } from 'react'
import './globals.css'

export const metadata: Metadata = {
  title: 'Factory · ws_manager',
  description: 'A machine, its jobs and a board, live in every window',
}
export const viewport: Viewport = { colorScheme: 'dark light' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
