'use server'
// Server actions of the board. They return a sentence where something was wrong; the change itself comes as an event, to everyone.
import * as board from '@/lib/board'

function attempt(change: () => void): string | null {
  try {
    change()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export async function createStory(title: string) {
  return attempt(() => board.createStory(title))
}

export async function moveStory(id: string, to: string) {
  return attempt(() => board.moveStory(id, to))
}

export async function deleteStory(id: string) {
  return attempt(() => board.deleteStory(id))
}

export async function createTask(storyId: string, title: string) {
  return attempt(() => board.createTask(storyId, title))
}

export async function toggleTask(storyId: string, taskId: string) {
  return attempt(() => board.toggleTask(storyId, taskId))
}
