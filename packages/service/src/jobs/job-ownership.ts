import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isInside } from '../launchers/isolation/mount-table.ts'
import type { ApplicationPlaces } from './places.ts'

/** Folders of a data directory, and of shared storage, in which each entry is a user's own. */
const FOLDERS_OF_USERS = ['apps', 'snapshots']

/**
 * Gives the user of a job what it may write, and lends it, as its group, what it may only read and the ways there: no
 * other user gets through. This process is root; no process of the application runs.
 */
export function handOver(
  { folder, run, given, checkpoints, savepoints }: ApplicationPlaces,
  { bundle, restoredFrom }: { readonly bundle: string; readonly restoredFrom: string | undefined },
  userId: number,
): void {
  const written = [run, checkpoints, savepoints]
  for (const path of written) giveTo(userId, path)
  for (const path of [given, bundle]) lendTo(userId, path)
  if (restoredFrom !== undefined && !written.some((path) => isInside(restoredFrom, path))) lendTo(userId, restoredFrom)
  for (const way of new Set([folder, dirname(bundle), dirname(savepoints)])) {
    lchownSync(way, 0, userId)
    chmodSync(way, 0o710)
  }
}

/**
 * Lets everybody pass through a data directory, or shared storage, to what belongs to users of jobs, without seeing what
 * is there; everything else in it is closed to others, and so is what this process makes from now on.
 */
export function openWays(root: string): void {
  process.umask(0o077)
  for (const name of FOLDERS_OF_USERS) mkdirSync(join(root, name), { recursive: true })
  closeEntries(root, 0o077)
  for (const folder of FOLDERS_OF_USERS.map((name) => join(root, name))) {
    closeEntries(folder, 0o007)
    chmodSync(folder, 0o711)
  }
  chmodSync(root, 0o711)
}

/** Takes rights away from what lies in a folder; what links lead to isn't in it. */
function closeEntries(folder: string, rights: number): void {
  for (const name of readdirSync(folder)) {
    if (FOLDERS_OF_USERS.includes(name)) continue
    const path = join(folder, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat === undefined || stat.isSymbolicLink() || (stat.mode & rights) === 0) continue
    chmodSync(path, stat.mode & 0o7777 & ~rights)
  }
}

/** Gives a folder and all that is in it to a user; links aren't followed. A folder that has the owner already is done. */
function giveTo(userId: number, path: string): void {
  const stat = lstatSync(path)
  if (stat.isDirectory() && stat.uid !== userId) for (const name of readdirSync(path)) giveTo(userId, join(path, name))
  if (stat.uid !== userId) lchownSync(path, userId, userId)
}

/** Lets a user read a folder and all that is in it, and no other: it becomes root's, of the user's group. */
function lendTo(userId: number, path: string): void {
  const stat = lstatSync(path)
  lchownSync(path, 0, userId)
  if (stat.isDirectory()) for (const name of readdirSync(path)) lendTo(userId, join(path, name))
  if (!stat.isSymbolicLink()) chmodSync(path, stat.isDirectory() ? 0o750 : 0o640)
}
