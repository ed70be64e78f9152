'use client'

import { EventToasts, useToast } from 'ws_manager/react/toasts'
import { ROOM } from '@/lib/types'
import { useNotificationAction } from './live'

/** Each notification as it comes. What it is about is in the list behind the bell as well. */
export function Toasts() {
  const act = useNotificationAction()
  const toast = useToast()
  const run = async (action: Parameters<typeof act>[0]) => {
    try {
      await act(action)
    } catch (error) {
      toast.error('That did not work', (error as Error).message)
    }
  }
  return (
    <EventToasts
      position="bottom-right"
      rooms={[ROOM]}
      events={{
        job_failed: null, // has a notification
        notification: ({ data }) =>
          data.read
            ? null
            : {
                kind: data.type,
                title: data.title,
                message: data.message,
                action: data.action && { label: data.action.label, onClick: () => void run(data.action) },
              },
      }}
    />
  )
}
