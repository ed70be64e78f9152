// Commands to the server, with their answers.

import { useCallback, useEffect, useRef, useState } from 'react'
import { useWebSocket } from 'ws_manager/react'

type Answer = { ok: true; [member: string]: unknown } | { ok: false; error: string }

/** command(action, data): resolves with what the server's handler returned, rejects with why it did not do it. */
export function useCommand() {
  const { client } = useWebSocket()
  return useCallback(
    async (action: string, data: object = {}) => {
      // One that waits in a queue for a connection would come as a surprise later: better to be told now.
      if (!client.isConnected) throw new Error('There is no connection to the server.')
      const answer = await client.request<Answer>(action, data, { timeout: 20_000 })
      if (!answer.ok) throw new Error(answer.error)
      return answer
    },
    [client],
  )
}

/** Whether something is under way, and why the last attempt failed. */
export function usePending() {
  const [pending, setPending] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const there = useRef(true)
  useEffect(() => {
    there.current = true
    return () => {
      there.current = false
    }
  }, [])
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    setPending(true)
    setError(null)
    try {
      await work()
      return true
    } catch (reason) {
      if (there.current) setError((reason as Error).message)
      return false
    } finally {
      if (there.current) setPending(false)
    }
  }
  return { pending, error, run, clear: () => setError(null) }
}
