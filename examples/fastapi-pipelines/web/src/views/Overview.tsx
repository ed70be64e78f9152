// All pipelines at a glance: totals, a card for each, the analyses and the log.

import { useEffect, useMemo, useSyncExternalStore, type ReactNode } from 'react'
import { LogStream, PipelineMonitor, useWebSocket, type PipelineFigure } from 'ws_manager/react'
import { useCommand } from '../commands'
import type { TrafficMeter } from '../connection'
import { Analyses } from '../parts/Analyses'
import { Frame } from '../parts/Frame'
import { countsOf, directions, usePipelines } from '../pipelines'
import { hrefOf } from '../route'
import type { Pipeline } from '../types'

export function Overview({ meter }: { meter: TrafficMeter }): ReactNode {
  const pipelines = usePipelines()
  return (
    <div className="overview">
      <h1 className="hidden">All pipelines</h1>
      <Totals pipelines={pipelines} meter={meter} />
      <section className="cards" aria-label="Pipelines">
        {pipelines.map((pipeline) => (
          <Card key={pipeline.id} pipeline={pipeline} />
        ))}
      </section>
      <div className="side">
        <Analyses />
        <LogStream className="fill" height="100%" />
      </div>
    </div>
  )
}

function Card({ pipeline }: { pipeline: Pipeline }): ReactNode {
  const { id, name, about, status, detailed_status: detailed, history, preview } = pipeline
  const { isConnected } = useWebSocket()
  const command = useCommand()
  const values = useMemo(() => history.map(([, count]) => count), [history])
  const about_it = { pipeline_id: id }
  return (
    <PipelineMonitor
      pipelineId={id}
      name={name}
      about={about}
      href={hrefOf(id)}
      picture={<Frame picture={preview} status={status} words={detailed.error_message} fps={detailed.stats.fps} />}
      state={{ status, error: null, history: values }}
      historyLabel={`${pipeline.counts === 'people' ? 'People' : 'Moving things'} in view, last three minutes`}
      figures={figuresOf(pipeline)}
      onStart={() => command('start_pipeline', about_it)}
      onStop={() => command('stop_pipeline', about_it)}
      onRestart={() => command('restart_pipeline', about_it)}
      disabled={!isConnected}
    />
  )
}

export function figuresOf(pipeline: Pipeline): PipelineFigure[] {
  const counts = countsOf(pipeline)
  const running = pipeline.status === 'running'
  const in_view: PipelineFigure = {
    label: pipeline.counts === 'people' ? 'People' : 'Moving',
    value: running ? (counts.people_count ?? '–') : '–',
  }
  const time: PipelineFigure = {
    label: 'Per frame',
    value: running ? `${pipeline.detailed_status.stats.processing_ms.toFixed(0)} ms` : '–',
  }
  switch (pipeline.headline) {
    case 'line':
      return [
        { label: 'Crossings', value: counts.total_crossings ?? 0 },
        { label: 'Direction', value: directions(counts) || '–' },
        in_view,
        time,
      ]
    case 'zone': {
      const inside = running && !!counts.active_zones
      return [
        { label: 'Intrusions', value: counts.total_intrusions ?? 0, tone: inside ? 'bad' : undefined },
        { label: 'Inside', value: inside ? 'yes' : 'no', tone: inside ? 'bad' : undefined },
        in_view,
        time,
      ]
    }
    default:
      return [
        in_view,
        { label: 'Trend', value: running ? (counts.trend ?? 'stable') : '–' },
        counts.activity === undefined
          ? { label: 'Tracked', value: running ? (pipeline.preview?.boxes.length ?? 0) : '–' }
          : { label: 'Activity', value: `${counts.activity.toFixed(1)} %` },
        time,
      ]
  }
}

function Totals({ pipelines, meter }: { pipelines: readonly Pipeline[]; meter: TrafficMeter }): ReactNode {
  const traffic = useSyncExternalStore(meter.subscribe, () => meter.current)
  const running = pipelines.filter(({ status }) => status === 'running')
  const failed = pipelines.filter(({ status }) => status === 'error').length
  const people = running.find(({ counts }) => counts === 'people')
  const sum = (key: 'total_crossings' | 'total_intrusions' | 'active_zones') =>
    pipelines.reduce((total, pipeline) => total + (countsOf(pipeline)[key] ?? 0), 0)
  const inside = running.some((pipeline) => countsOf(pipeline).active_zones)
  const fps = running.reduce((total, { detailed_status: { stats } }) => total + stats.fps, 0)
  const seen = people && countsOf(people).people_count

  const title = `${failed ? '⚠ ' : ''}${seen === undefined ? '' : `${seen} in view · `}Pipelines`
  useEffect(() => {
    document.title = title
  }, [title])

  return (
    <dl className="totals">
      <Total label="In view" note={people ? (countsOf(people).trend ?? 'stable') : 'no people pipeline runs'}>
        {seen ?? '–'}
      </Total>
      <Total label="Crossings" note={pipelines.map((each) => directions(countsOf(each))).join('') || 'both ways'}>
        {sum('total_crossings')}
      </Total>
      <Total label="Intrusions" note={inside ? 'somebody is inside' : 'nobody inside'} alarm={inside}>
        {sum('total_intrusions')}
      </Total>
      <Total label="Running" note={failed ? `${failed} failed` : `${fps.toFixed(0)} frames / s`} alarm={failed > 0}>
        {running.length} / {pipelines.length}
      </Total>
      <Total label="Messages / s" note={`${traffic.received.toLocaleString('en')} in all`}>
        {traffic.rate}
      </Total>
    </dl>
  )
}

interface TotalProps {
  label: string
  note: string
  alarm?: boolean
  children: ReactNode
}

function Total({ label, note, alarm, children }: TotalProps): ReactNode {
  return (
    <div className="total" data-alarm={alarm || undefined} data-testid={`total-${label}`}>
      <dt>{label}</dt>
      <dd>
        <b>{children}</b>
        <span className="note">{note}</span>
      </dd>
    </div>
  )
}
