import type { Sink } from '@millrace/engine/spi'
import { type SnsOptions, snsSettings } from './options.ts'
import { SdkSnsApi } from './sns-api.ts'
import { SnsWriter } from './sns-writer.ts'

/**
 * Publishes every record to an SNS topic, at least once: a checkpoint completes only when all before it was
 * acknowledged, and what came after it is published again after a failure, with the same id (attribute `id`, and in the
 * body). A `.fifo` topic removes such repetitions when they come within its five minutes.
 *
 * Order is kept within a group of a `.fifo` topic; a standard topic keeps none.
 * Errors: `SNS_MESSAGE_TOO_LARGE`, `SNS_MESSAGE_INVALID`, `SNS_MESSAGE_REFUSED`, the `AWS_…` codes.
 */
export function sns<T>(options: SnsOptions<T>): Sink<T, never, never> {
  const settings = snsSettings(options)
  return {
    name: `sns ${settings.topicArn.slice(settings.topicArn.lastIndexOf(':') + 1)}`,
    guarantee: 'at-least-once',
    createWriter: (context) => new SnsWriter(settings, context, new SdkSnsApi(settings.topicArn, settings.aws)),
  }
}
