'use client'

import { useState, type DragEvent, type FormEvent } from 'react'
import * as actions from '@/app/actions'
import { COLUMNS, type Column, type Story } from '@/lib/types'

interface Props {
  stories: Story[]
  attempt: (action: Promise<string | null>) => void
}

export function Board({ stories, attempt }: Props) {
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    attempt(actions.createStory(String(new FormData(form).get('title'))))
    form.reset()
  }
  return (
    <section className="panel board" aria-labelledby="board">
      <div className="head">
        <h2 id="board">Board</h2>
        <form onSubmit={add}>
          <input name="title" placeholder="A new story" aria-label="Title of a new story" maxLength={120} required />
          <button type="submit" className="primary">
            Add
          </button>
        </form>
      </div>
      <div className="columns">
        {COLUMNS.map((column) => (
          <BoardColumn
            key={column}
            column={column}
            stories={stories.filter((story) => story.column === column)}
            attempt={attempt}
          />
        ))}
      </div>
    </section>
  )
}

function BoardColumn({ column, stories, attempt }: { column: Column } & Props) {
  const [over, setOver] = useState(false)
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    const id = event.dataTransfer.getData('text/story')
    if (id) attempt(actions.moveStory(id, column))
  }
  return (
    <div
      className={`column ${over ? 'over' : ''}`}
      data-testid={`column-${column}`}
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <h3>
        {column} <span>{stories.length}</span>
      </h3>
      {stories.map((story) => (
        <Card key={story.id} story={story} attempt={attempt} />
      ))}
    </div>
  )
}

function Card({ story, attempt }: { story: Story; attempt: Props['attempt'] }) {
  const done = story.tasks.filter((task) => task.done).length
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    attempt(actions.createTask(story.id, String(new FormData(form).get('title'))))
    form.reset()
  }
  return (
    <article
      className="card"
      draggable
      onDragStart={(event) => event.dataTransfer.setData('text/story', story.id)}
      data-testid="story"
    >
      <header>
        <strong>{story.title}</strong>
        <button
          type="button"
          className="plain"
          onClick={() => attempt(actions.deleteStory(story.id))}
          aria-label={`Delete ${story.title}`}
        >
          ×
        </button>
      </header>
      {story.tasks.map((task) => (
        <label key={task.id} className={task.done ? 'task done' : 'task'}>
          <input type="checkbox" checked={task.done} onChange={() => attempt(actions.toggleTask(story.id, task.id))} />
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
        <span>
          {story.id}
          {story.tasks.length > 0 && ` · ${done}/${story.tasks.length}`}
        </span>
        <select
          value={story.column}
          onChange={(event) => attempt(actions.moveStory(story.id, event.target.value))}
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
