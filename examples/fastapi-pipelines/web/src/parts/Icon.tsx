import type { ReactNode } from 'react'

const PATHS = {
  video: (
    <>
      <rect x="1.5" y="3.5" width="9" height="9" rx="2" />
      <path d="m10.5 7 4-2.2v6.4l-4-2.2z" />
    </>
  ),
  theme: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
    </>
  ),
  back: <path d="M9.5 3.5 5 8l4.5 4.5" />,
  next: <path d="M6.5 3.5 11 8l-4.5 4.5" />,
  up: <path d="m3 11 4-4 2.5 2.5L13 5m-4 0h4v4" />,
  down: <path d="m3 5 4 4 2.5-2.5L13 11m-4 0h4V7" />,
  flat: <path d="M3 8h10m-3-3 3 3-3 3" />,
  more: <path d="m4 6.5 4 4 4-4" />,
  plus: <path d="M8 3v10M3 8h10" />,
} satisfies Record<string, ReactNode>

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg
      className="icon"
      viewBox="0 0 16 16"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {PATHS[name]}
    </svg>
  )
}
