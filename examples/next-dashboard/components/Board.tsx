'use client'

import { useOptimistic, useState, useTransition, type DragEvent, type FormEvent } from 'react'
import type { Message, Position } from 'ws_manager/client'
import { useRoomState } from 'ws_manager/react'
import { useToast } from 'ws_manager/react/toasts'
import * as actions from '@/app/actions'
import { COLUMNS, ROOM, type Column, type Story, type Task } from '@/lib/types'

function reduce(stories: Story[], { type, data }: Message): Story[] {
  const patch = (change: (story: Story) => Story) =>
    stories.map((story) => (story.id === data.story_id ? change(story) : story))
  switch (type) {
    case 'dashboard_started':
      return data.stories
    case 'story_created': {
      const story: Story = { id: data.story_id, title: data.title, column: 'Backlog', tasks: [] }
      return stories.some(({ id }) => id === story.id) ? stories : [...stories, story]
    }
    case 'story_moved':
      return patch((story) => ({ ...story, column: data.to }))
    case 'story_deleted':
      return stories.filter(({ id }) => id !== data.story_id)
    case 'task_created':
    case 'task_updated':
    case 'task_completed': {
      const task: Task = { id: data.task_id, title: data.title, done: type === 'task_completed' }
      return patch((story) => ({
        ...story,
        tasks: story.tasks.some(({ id }) => id === task.id)
          ? story.tasks.map((old) => (old.id === task.id ? task : old))
          : [...story.tasks, task],
      }))
    }
    default:
      return stories
  }
}

/** Runs a server action, shows what it refuses, and says whether one is under way. */
function useAction(): [pending: boolean, run: (action: () => Promise<string | null>) => void] {
  const [pending, start] = useTransition()
  const toast = useToast()
  const run = (action: () => Promise<string | null>) =>
    start(async () => {
      const refused = await action().catch(() => 'The server can’t be reached')
      if (refused) toast.error('The board was not changed', refused)
    })
  return [pending, run]
}

export function Board({ initial, since }: { initial: Story[]; since: Position }) {
  const stories = useRoomState(ROOM, reduce, initial, { since })
  const [adding, add] = useAction()
  // A card is where it was dropped at once; it goes back if the server refuses.
  const [shown, moveNow] = useOptimistic(stories, (old, moved: { id: string; to: Column }) =>
    old.map((story) => (story.id === moved.id ? { ...story, column: moved.to } : story)),
  )
  const [, run] = useAction()
  const move = (id: string, to: Column) =>
    run(() => {
      moveNow({ id, to })
      return actions.moveStory(id, to)
    })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const title = String(new FormData(form).get('title'))
    form.reset()
    add(() => actions.createStory(title))
  }
  return (
    <section className="panel board" aria-labelledby="board">
      <div className="head">
        <h2 id="board">Board</h2>
        <form onSubmit={submit}>
          <input name="title" placeholder="New story" aria-label="Title of a new story" maxLength={120} required />
          <button type="submit" className="primary" disabled={adding}>
            {adding ? 'Adding…' : 'Add'}
          </button>
        </form>
      </div>
      <div className="columns">
        {COLUMNS.map((column) => (
          <BoardColumn
            key={column}
            column={column}
            stories={shown.filter((story) => story.column === column)}
            move={move}
          />
        ))}
      </div>
    </section>
  )
}

type Move = (id: string, to: Column) => void

function BoardColumn({ column, stories, move }: { column: Column; stories: Story[]; move: Move }) {
  const [over, setOver] = useState(false)
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    const id = event.dataTransfer.getData('text/story')
    if (id) move(id, column)
  }
  return (
    <div
      className={`column ${over ? 'over' : ''}`}
      data-column={column}
      data-testid={`column-${column}`}
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <h3>
        <i aria-hidden="true" />
        {column}
        <span>{stories.length}</span>
      </h3>
      {stories.map((story) => (
        <Card key={story.id} story={story} move={move} />
      ))}
    </div>
  )
}

function Card({ story, move }: { story: Story; move: Move }) {
  const [pending, run] = useAction()
  const done = story.tasks.filter((task) => task.done).length
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const title = String(new FormData(form).get('title'))
    form.reset()
    run(() => actions.createTask(story.id, title))
  }
  return (
    <article
      className="card"
      draggable
      aria-busy={pending}
      onDragStart={(event) => event.dataTransfer.setData('text/story', story.id)}
      data-testid="story"
    >
      <header>
        <span className="id">{story.id}</span>
        <button
          type="button"
          className="plain"
          onClick={() => run(() => actions.deleteStory(story.id))}
          aria-label={`Delete ${story.title}`}
        >
          ×
        </button>
      </header>
      <strong>{story.title}</strong>
      {story.tasks.map((task) => (
        <label key={task.id} className={task.done ? 'task done' : 'task'}>
          <input
            type="checkbox"
            checked={task.done}
            onChange={() => run(() => actions.toggleTask(story.id, task.id))}
          />
          <span>{task.title}</span>
        </label>
      ))}
      <form className="task" onSubmit={add}>
        <input
          name="title"
          placeholder="Add a task"
          aria-label={`A new task of ${story.title}`}
          maxLength={120}
          required
        />
      </form>
      <footer>
        {story.tasks.length > 0 && (
          <span className="share">
            <i style={{ width: (38 * done) / story.tasks.length }} />
            {done}/{story.tasks.length}
          </span>
        )}
        <select
          value={story.column}
          onChange={(event) => move(story.id, event.target.value as Column)}
          aria-label={`Column of ${story.title}`}
        >
          {COLUMNS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </footer>
    </article>
  )
}
