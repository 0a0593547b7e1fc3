import { expect, test } from 'vitest'
import { CheckpointTargets } from './checkpoint-targets.ts'

const at = (folder: string) => ({ folder, writer: 'w' })

test('a barrier that overtakes its trigger message waits for the folder', async () => {
  const targets = new CheckpointTargets()
  const early = targets.targetOf(3)
  targets.announce(2, at('/chk-2'))
  targets.announce(3, at('/chk-3'))
  expect(await early).toEqual(at('/chk-3'))
  expect(await targets.targetOf(3)).toEqual(at('/chk-3'))
})

test('a job that stores nothing is told so, not kept waiting', async () => {
  const targets = new CheckpointTargets()
  targets.announce(1, undefined)
  expect(await targets.targetOf(1)).toBeUndefined()
})

test('whoever waits for a checkpoint that was given up is told, also afterwards', async () => {
  const targets = new CheckpointTargets()
  const early = targets.targetOf(3)
  const later = targets.targetOf(4)
  targets.forgetUpTo(3)
  await expect(early).rejects.toMatchObject({ code: 'CHECKPOINT_ABORTED' })
  await expect(targets.targetOf(2)).rejects.toMatchObject({ code: 'CHECKPOINT_ABORTED' })
  targets.announce(4, at('/chk-4'))
  expect(await later).toEqual(at('/chk-4'))
})
