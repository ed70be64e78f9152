'use client'
// The last resort: a component that fails shows that in its place, and nothing else goes with it.

import { Component, type ComponentType, type ReactNode } from 'react'

interface GuardProps {
  name: string
  className?: string
  children?: ReactNode
}

class Guard extends Component<GuardProps, { failed: unknown }> {
  state = { failed: null as unknown }

  static getDerivedStateFromError(failed: unknown): { failed: unknown } {
    return { failed: failed ?? 'unknown' }
  }

  // A class, so it cannot be told by a hook: React itself writes the error and its place to the console.
  render(): ReactNode {
    const { failed } = this.state
    if (failed === null) return this.props.children
    // What a framework throws to find its own boundary (a redirect, a page that is not there) is nobody's failure.
    if (typeof (failed as { digest?: unknown }).digest === 'string') throw failed
    return (
      <span className="wsm-fallen wsm-status" role="alert">
        {this.props.name} could not be shown.
        <button type="button" className="wsm-link" onClick={() => this.setState({ failed: null })}>
          Try again
        </button>
      </span>
    )
  }
}

/** The component inside of a boundary. */
export function guarded<Props extends object>(
  name: string,
  Inner: (props: Props) => ReactNode,
): (props: Props) => ReactNode {
  const Type = Inner as ComponentType<Props>
  const Guarded = (props: Props): ReactNode => (
    <Guard name={name}>
      <Type {...props} />
    </Guard>
  )
  Guarded.displayName = name
  return Guarded
}
