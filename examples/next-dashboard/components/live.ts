'use client'

import { useRouter } from 'next/navigation'
import { useCallback, useRef } from 'react'
import { useWebSocket } from 'ws_manager/react'
import type { CommandReply } from '@/lib/types'

/** What was missed is not there any more, after an hour without a network for instance: the page is rendered anew, with newer positions. */
export function useReload(): void {
  const router = useRouter()
  const due = useRef(false)
  useWebSocket({
    onGap: () => {
      if (due.current) return // a gap in each room, and one reload
      due.current = true
      queueMicrotask(() => {
        due.current = false
        router.refresh()
      })
    },
  })
}

/** Gives the server a command about a job. Rejects with a sentence: what the server says where it refuses, or why it could not be asked. */
export function useJobCommand() {
  const { request } = useWebSocket()
  return useCallback(
    async (action: 'cancel_job' | 'restart_job', job_id: string): Promise<void> => {
      const reply = await request<CommandReply>(action, { job_id })
      if (!reply.ok) throw new Error(reply.reason)
    },
    [request],
  )
}

/** What the button of a notification does; a promise where that takes a while. */
export function useNotificationAction() {
  const command = useJobCommand()
  return useCallback(
    ({ type, payload }: { type: string; payload?: unknown }): Promise<void> | void => {
      const { job_id } = payload as { job_id: string }
      if (type === 'restart') return command('restart_job', job_id)
      if (type === 'download') location.assign(`/api/jobs/${job_id}`)
    },
    [command],
  )
}
