// The board: stories in columns, tasks inside them. Every change is an event of the catalogue.
import { wsManager } from 'ws_manager'
import { keep, kept } from './kept'
import { say } from './log'
import { COLUMNS, PROJECT, type Column, type Story } from './types'

interface Board {
  stories: Story[]
  made: number
}

const board = (): Board => kept('board', first)

function first(): Board {
  // [title, column, tasks, how many of them are done]
  const titles: [string, Column, string[], number][] = [
    ['Drop a file on the left', 'Backlog', ['Hash it', 'Compress it', 'Watch the log meanwhile'], 0],
    ['Open this page in a second window', 'Backlog', ['Move this story there', 'See it move here'], 0],
    [
      'Restart the server with the page open',
      'In progress',
      ['Stop it', 'Wait for the chip above to say Live again'],
      1,
    ],
    ['Cancel a job, and run it again', 'In progress', ['Use a sample', 'Cancel', 'Run again'], 1],
    [
      'Read lib/live.ts',
      'Review',
      ['One endpoint, three rooms', 'Commands with replies', 'The snapshot and its positions'],
      2,
    ],
    [
      'Pages and WebSockets on one port',
      'Done',
      ['register() in instrumentation.ts', 'withWsManager() in next.config.ts'],
      2,
    ],
  ]
  let made = 0
  const stories = titles.map(([title, column, tasks, done]) => ({
    id: `STR-${++made}`,
    title,
    column,
    tasks: tasks.map((task, i) => ({ id: `TSK-${++made}`, title: task, done: i < done })),
  }))
  return { stories, made }
}

export const stories = (): Story[] => board().stories

function find(storyId: string): Story {
  const story = board().stories.find((story) => story.id === storyId)
  if (!story) throw new Error(`There is no story ${storyId}: somebody has deleted it`)
  return story
}

function clean(title: string): string {
  const text = title.trim().slice(0, 120)
  if (!text) throw new Error('A title is needed')
  return text
}

export function createStory(title: string): void {
  const story: Story = { id: `STR-${++board().made}`, title: clean(title), column: 'Backlog', tasks: [] }
  board().stories.push(story)
  keep()
  wsManager.notifyStoryCreated({ story_id: story.id, title: story.title, project_id: PROJECT })
  say('info', 'board', `${story.id} “${story.title}” was created`)
}

export function moveStory(storyId: string, to: string): void {
  const story = find(storyId)
  if (!COLUMNS.includes(to as Column)) throw new Error(`There is no column ${to}`)
  if (story.column === to) return
  story.column = to as Column
  keep()
  wsManager.notifyStoryMoved({ story_id: story.id, title: story.title, to, project_id: PROJECT })
  say(to === 'Done' ? 'success' : 'info', 'board', `${story.id} “${story.title}” moved to ${to}`)
}

export function deleteStory(storyId: string): void {
  find(storyId)
  board().stories = board().stories.filter((story) => story.id !== storyId)
  keep()
  wsManager.notifyStoryDeleted({ story_id: storyId, project_id: PROJECT })
  say('warning', 'board', `${storyId} was deleted`)
}

export function createTask(storyId: string, title: string): void {
  const story = find(storyId)
  const task = { id: `TSK-${++board().made}`, title: clean(title), done: false }
  story.tasks.push(task)
  keep()
  wsManager.notifyTaskCreated({ task_id: task.id, title: task.title, story_id: storyId, project_id: PROJECT })
}

export function toggleTask(storyId: string, taskId: string): void {
  const task = find(storyId).tasks.find((task) => task.id === taskId)
  if (!task) throw new Error(`There is no task ${taskId}`)
  task.done = !task.done
  keep()
  const event = { task_id: task.id, title: task.title, story_id: storyId, project_id: PROJECT }
  if (task.done) wsManager.notifyTaskCompleted(event)
  else wsManager.notifyTaskUpdated({ ...event, progress: 0 })
}
