// What each node of a pipeline says of the last frame.

import type { ReactNode } from 'react'
import type { Pipeline } from '../types'

const TYPES: Record<string, string> = {
  people_detector: 'HOG people detector',
  motion_detector: 'MOG2 motion detector',
  tracker: 'Tracker',
  people_counter: 'Counter',
  line_crossing: 'Line crossing',
  intrusion_zone: 'Intrusion zone',
}
const WORDS: Record<string, string> = {
  detections: 'found',
  activity: '% of the picture moves',
  tracks: 'tracked',
  people_count: 'in view',
  new_crossings: 'crossings in this frame',
  total_crossings: 'crossings',
  new_intrusions: 'intrusions in this frame',
  inside: 'inside',
}

export function Nodes({ pipeline: { detailed_status: detailed, results, status } }: { pipeline: Pipeline }): ReactNode {
  return (
    <section className="panel nodes" aria-labelledby="nodes-title">
      <h2 id="nodes-title">Nodes</h2>
      <ol>
        {Object.entries(detailed.nodes).map(([id, { type }]) => (
          <li key={id} data-status={status}>
            <i className="lamp" aria-hidden="true" />
            <b>{TYPES[type] ?? type}</b>
            <span className="says">
              {Object.entries(results[id] ?? {})
                .filter(([name, value]) => name in WORDS && typeof value === 'number')
                .map(([name, value]) => (
                  <span key={name}>
                    <b>{String(value)}</b> {WORDS[name]}
                  </span>
                ))}
              {results[id]?.learning === true && <span>learns the background</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
