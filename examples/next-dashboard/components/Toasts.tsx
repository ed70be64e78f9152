'use client'

import { EventToasts } from 'ws_manager/react/toasts'
import { useNotificationAction } from './live'

/** Each notification as it comes. What it is about is in the list behind the bell as well. */
export function Toasts() {
  const act = useNotificationAction()
  return (
    <EventToasts
      position="bottom-right"
      events={{
        job_failed: null, // has a notification
        notification: ({ data }) =>
          data.read
            ? null
            : {
                kind: data.type,
                title: data.title,
                message: data.message,
                action: data.action && { label: data.action.label, onClick: () => act(data.action) },
              },
      }}
    />
  )
}
