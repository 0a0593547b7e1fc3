import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from '@millrace/engine/spi'
import type { Credentials } from '../access/credentials-file.ts'
import { handOver } from './job-ownership.ts'
import type { ApplicationPlaces } from './places.ts'

/** Credentials with the token that those of a role's session have. */
export interface JobCredentials extends Credentials {
  readonly sessionToken?: string
  /** Where it gets credentials of AWS, and for what; then those of AWS are its default, and these its profile `millrace`. */
  readonly aws?: { readonly url: string; readonly token: string }
}

/** What a job is handed as files that it can read and can't change. */
export interface HandedFiles {
  readonly bundle: string
  readonly propertiesFile: string
  readonly properties: string
  readonly credentials: JobCredentials
  /** A savepoint of this machine that it may begin with. */
  readonly restoredFrom: string | undefined
}

/** Savepoints that are only passed through lie below `savepoints` with this at the beginning of their names. */
export const PASSING = 'suspended-'

/**
 * Makes an application's folders as its next process finds them: scratch is empty. Called while none of its processes
 * runs, because only then can nobody exchange a folder for a link to a file of others under this process's hands; so
 * whatever a process may write is renamed away here and removed by `removeLater`.
 */
export function prepareJobFolders(
  places: ApplicationPlaces,
  files: HandedFiles,
  removedFolder: string,
  userId: number | undefined,
): void {
  const discard = (path: string, to: string): void => {
    mkdirSync(to, { recursive: true, mode: 0o700 })
    renameSync(path, join(to, randomUUID()))
  }
  if (existsSync(places.run)) discard(places.run, removedFolder)
  for (const folder of [places.run, places.checkpoints, places.savepoints]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
  for (const name of readdirSync(places.savepoints)) {
    if (name.startsWith(PASSING)) discard(join(places.savepoints, name), removedStateFolder(places, removedFolder))
  }
  mkdirSync(places.given, { recursive: true, mode: 0o700 })
  writeFileSync(files.propertiesFile, files.properties, { mode: 0o600 })
  writeFileSync(places.credentialsFile, credentialsText(files.credentials), { mode: 0o600 })
  const { aws } = files.credentials
  if (aws === undefined) rmSync(places.awsTokenFile, { force: true })
  else writeFileSync(places.awsTokenFile, aws.token, { mode: 0o600 })
  if (userId !== undefined) handOver(places, files, userId)
}

/** State in a shared folder can't be renamed to another file system: it has a folder for that beside it. */
export function removedStateFolder({ folder, savepoints }: ApplicationPlaces, removedFolder: string): string {
  return dirname(savepoints) === folder ? removedFolder : join(dirname(savepoints), 'removed')
}

/** Removes what was renamed away, also by a service before this one. What can't be removed now is told and left. */
export async function removeDiscarded(removedFolder: string, logger: Logger): Promise<void> {
  try {
    for (const entry of existsSync(removedFolder) ? await readdir(removedFolder) : []) {
      await rm(join(removedFolder, entry), { recursive: true, force: true, maxRetries: 3 })
    }
  } catch (error) {
    logger.warn('folders of ended jobs not removed', { folder: removedFolder, reason: (error as Error).message })
  }
}

function credentialsText({ accessKeyId, secretAccessKey, sessionToken, aws }: JobCredentials): string {
  const lines = [
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
    ...(sessionToken === undefined ? [] : [`aws_session_token = ${sessionToken}`]),
  ]
  const profiles = aws === undefined ? ['millrace', 'default'] : ['millrace']
  return profiles.map((profile) => `[${profile}]\n${lines.join('\n')}\n`).join('')
}
