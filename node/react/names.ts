// From the names of callbacks to those of events: onPipelineUpdate → pipeline_update.

const SPECIAL: Record<string, string> = {
  onPipelineError: 'pipeline_error_update',
  onPipelineAnalytics: 'pipeline_analytics_update',
  onPipelineStatus: 'pipeline_status_update',
  onPipelineFrame: 'pipeline_frame_update',
}

/** '' for a name that is none of a callback. */
export function eventOf(callback: string): string {
  if (!/^on[A-Z]/.test(callback)) return ''
  return SPECIAL[callback] ?? callback.slice(2).replace(/[A-Z]/g, (c, i: number) => (i ? '_' : '') + c.toLowerCase())
}
