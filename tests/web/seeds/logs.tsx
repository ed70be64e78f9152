// A page of logs and a dashboard, each with callbacks among the hook's options. Only the import was changed.
import { useState } from 'react'
import { useWebSocket } from 'ws_manager/react'

interface Entry {
  level: string
  message: string
}

export function LogsPage() {
  const [logs, setLogs] = useState<Entry[]>([])
  useWebSocket({
    onLogEntry: (entry) => setLogs((old) => [entry, ...old]),
  })
  const count = (level: string) => logs.filter((log) => log.level === level).length
  return (
    <section>
      <b>
        Info: {count('info')} Success: {count('success')} Warning: {count('warning')} Error: {count('error')}
      </b>
      {logs.map((log, i) => (
        <i key={i}>{log.message}</i>
      ))}
    </section>
  )
}

export function CommandCenter() {
  const [stage, setStage] = useState('')
  const [profile, setProfile] = useState('')
  const { isConnected } = useWebSocket({
    onPipelineUpdate: (data) => setStage(`${data.status} ${data.progress ?? 0} %`),
    onProfileChange: (data) => setProfile(data.profile),
  })
  return (
    <u>
      {String(isConnected)} {stage} {profile}
    </u>
  )
}
