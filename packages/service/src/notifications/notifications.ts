import { join } from 'node:path'
import type { Clock, Logger, Random, Scheduler } from '@millrace/engine/spi'
import type { LogFiles } from '../ingest/log-files.ts'
import { loadOrCreateSigningIdentity } from './certificate.ts'
import { MessageJournal } from './message-journal.ts'
import { Publisher } from './publisher.ts'
import { SnsService } from './sns-service.ts'
import { TopicStore } from './topic-store.ts'

/** SNS on a directory. */
export interface Notifications {
  readonly service: SnsService
  /** Begins to deliver; `baseUrl` goes into the links of messages. */
  start(baseUrl: string): void
  /** Removes what is delivered. */
  trim(): Promise<void>
  close(): Promise<void>
}

/** Opens topics, subscriptions and the messages that a former run couldn't deliver. */
export async function openNotifications(
  directory: string,
  settings: { readonly region: string; readonly accountId: string },
  parts: { files: LogFiles; clock: Clock; scheduler: Scheduler; random: Random; logger: Logger },
): Promise<Notifications> {
  const { files, clock, random } = parts
  await files.makeDirectory(directory)
  const identity = await loadOrCreateSigningIdentity(join(directory, 'signing-identity.pem'), files, clock.now())
  const store = await TopicStore.open(directory, files)
  const { journal, found } = await MessageJournal.open(join(directory, 'journal'), parts)
  const publisher = new Publisher(store, journal, identity, parts)
  const context = { ...settings, store, publisher, clock, random }
  return {
    service: new SnsService(context, identity.certificatePem),
    start: (baseUrl) => publisher.start(baseUrl, found),
    trim: () => journal.trim(),
    close: async () => {
      publisher.close()
      await journal.close()
      await store.close()
    },
  }
}
