// From the names of events to those of callbacks: pipeline_update → onPipelineUpdate.

/** Shorter names of callbacks that stand beside the regular ones. */
const SHORT = {
  pipeline_error_update: 'onPipelineError',
  pipeline_analytics_update: 'onPipelineAnalytics',
  pipeline_status_update: 'onPipelineStatus',
  pipeline_frame_update: 'onPipelineFrame',
} as const

type Pascal<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${Capitalize<First>}${Pascal<Rest>}`
  : Capitalize<Name>
/** What callbacks of an event are called. */
export type CallbackOf<Name extends string> =
  `on${Pascal<Name>}` | (Name extends keyof typeof SHORT ? (typeof SHORT)[Name] : never)

const known = new Map<string, `on${string}`[]>()

export function callbacksOf(event: string): readonly `on${string}`[] {
  let names = known.get(event)
  if (!names) {
    names = [`on${event.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}`]
    if (Object.hasOwn(SHORT, event)) names.push(SHORT[event as keyof typeof SHORT])
    if (known.size < 1000) known.set(event, names) // a server may make up names
  }
  return names
}
