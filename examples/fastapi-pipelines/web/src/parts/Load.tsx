// How the machine does that the pipelines run on.

import type { ReactNode } from 'react'
import { useSystemStatus } from 'ws_manager/react'
import type { Load } from '../types'

const gigabytes = (mebibytes: number) => (mebibytes / 1024).toFixed(1)

export function MachineLoad(): ReactNode {
  const load = (useSystemStatus() ?? {}) as Load
  const { cpu_utilization: cpu, memory_used_mb: used, memory_total_mb: total, process_cpu: own, cores = 1 } = load
  return (
    <dl className="load" aria-label="Load of the machine">
      <Meter label="CPU" share={(cpu ?? 0) / 100}>
        {typeof cpu === 'number' ? `${cpu.toFixed(0)} %` : '–'}
      </Meter>
      <Meter label="Memory" share={used && total ? used / total : 0}>
        {used && total ? `${gigabytes(used)} / ${gigabytes(total)} GB` : '–'}
      </Meter>
      <Meter label="This server" share={(own ?? 0) / 100 / cores}>
        {typeof own === 'number' ? `${(own / 100).toFixed(2)} cores` : '–'}
      </Meter>
    </dl>
  )
}

function Meter({ label, share, children }: { label: string; share: number; children: ReactNode }): ReactNode {
  const heat = share > 0.9 ? 'high' : share > 0.7 ? 'warm' : undefined
  return (
    <div className="meter" data-heat={heat} data-testid={`load-${label}`}>
      <dt>{label}</dt>
      <dd>
        {children}
        <i className="bar">
          <i style={{ transform: `scaleX(${Math.min(1, Math.max(0, share)).toFixed(3)})` }} />
        </i>
      </dd>
    </div>
  )
}
