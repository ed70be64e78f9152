// A page that fails says so, rather than being empty.

import { Component, type ReactNode } from 'react'

export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  state = { error: null as Error | null }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  render(): ReactNode {
    if (!this.state.error) return this.props.children
    return (
      <main className="waiting" role="alert">
        <h1>This page has failed</h1>
        <p className="hint">{this.state.error.message}</p>
        <button type="button" className="wsm-button" onClick={() => location.reload()}>
          Load it again
        </button>
      </main>
    )
  }
}
