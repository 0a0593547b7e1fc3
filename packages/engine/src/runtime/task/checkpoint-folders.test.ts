import { expect, test } from 'vitest'
import { CheckpointFolders } from './checkpoint-folders.ts'

test('a barrier that overtakes its trigger message waits for the folder', async () => {
  const folders = new CheckpointFolders()
  const early = folders.folderOf(3)
  folders.announce(2, '/chk-2')
  folders.announce(3, '/chk-3')
  expect(await early).toBe('/chk-3')
  expect(await folders.folderOf(3)).toBe('/chk-3')
})

test('a job that stores nothing is told so, not kept waiting', async () => {
  const folders = new CheckpointFolders()
  folders.announce(1, undefined)
  expect(await folders.folderOf(1)).toBeUndefined()
})

test('whoever waits for a checkpoint that was given up is told, also afterwards', async () => {
  const folders = new CheckpointFolders()
  const early = folders.folderOf(3)
  const later = folders.folderOf(4)
  folders.forgetUpTo(3)
  await expect(early).rejects.toMatchObject({ code: 'CHECKPOINT_ABORTED' })
  await expect(folders.folderOf(2)).rejects.toMatchObject({ code: 'CHECKPOINT_ABORTED' })
  folders.announce(4, '/chk-4')
  expect(await later).toBe('/chk-4')
})
