// A picture of the video, with what was found in it.

import { memo, type CSSProperties, type ReactNode } from 'react'
import type { Picture, PipelineStatus } from '../types'

export interface FrameProps {
  picture: Picture | null
  status: PipelineStatus
  /** What is written over it when there is nothing to see. */
  words?: string | null
  fps?: number
  large?: boolean
}

const WORDS: Record<PipelineStatus, string> = { running: '', starting: 'Starting …', stopped: 'Stopped', error: '' }

export function Frame({ picture, status, words, fps, large = false }: FrameProps): ReactNode {
  return (
    <div className={`stage ${large ? 'large' : ''}`} data-status={status}>
      <div className="view" style={{ '--aspect': picture?.aspect ?? 4 / 3 } as CSSProperties}>
        {picture && <img className="picture" alt="" src={`data:image/jpeg;base64,${picture.jpeg}`} />}
        {picture && <Overlay picture={picture} />}
      </div>
      {status !== 'running' && <p className="veil">{words || WORDS[status]}</p>}
      {status === 'running' && fps !== undefined && <span className="rate">{fps.toFixed(1)} fps</span>}
    </div>
  )
}

const percent = (share: number) => `${(100 * share).toFixed(2)}%`

const Overlay = memo(function Overlay({ picture: { boxes, shapes, aspect } }: { picture: Picture }): ReactNode {
  const width = 1000
  const height = width / aspect
  return (
    <>
      <svg className="overlay" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {shapes.map(({ kind, points, active }, i) => {
          const list = points.map(([x, y]) => `${x * width},${y * height}`).join(' ')
          return kind === 'zone' ? (
            <polygon key={i} className={`shape zone ${active ? 'active' : ''}`} points={list} />
          ) : (
            <g key={i}>
              <polyline className="halo" points={list} />
              <polyline className="shape line" points={list} />
            </g>
          )
        })}
        {boxes.map(([id, x, y, w, h]) => {
          const box = { x: x * width, y: y * height, width: w * width, height: h * height, rx: 5 }
          return (
            <g key={id}>
              <rect className="halo" {...box} />
              <rect className="box" {...box} />
            </g>
          )
        })}
      </svg>
      <div className="tags" aria-hidden="true">
        {boxes.map(([id, x, y]) => (
          <span key={id} style={{ left: percent(x), top: percent(y) }}>
            {id}
          </span>
        ))}
      </div>
    </>
  )
})
