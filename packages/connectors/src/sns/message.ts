import { createHash } from 'node:crypto'
import { EngineError } from '@millrace/engine/spi'
import type { SnsSettings } from './options.ts'
import type { SnsMessage } from './sns-api.ts'

/** What SNS takes in one request, bodies and attributes together: 256 KiB. */
export const MAX_REQUEST_BYTES = 262_144
/** Messages in one request. */
export const MAX_REQUEST_MESSAGES = 10

/** Name of the attribute that holds the id. */
const ID_ATTRIBUTE = 'id'

/** Makes a record's message. Throws `SNS_MESSAGE_INVALID` (application) for what SNS would refuse for another reason than its size. */
export function messageOf<T>(settings: SnsSettings<T>, value: T): SnsMessage {
  const id = settings.id(value)
  const body = settings.message(value, id)
  const subject = settings.subject?.(value)
  const groupId = settings.groupId?.(value)
  if (!isText(id)) throw invalid('the id', 'must be text that is not empty', id)
  if (!isText(body)) throw invalid('the body', 'must be text that is not empty', id)
  // SNS takes an e-mail subject only if it begins with a letter, digit or punctuation and is ASCII without line breaks.
  if (subject !== undefined && !/^[\x21-\x7e][\x20-\x7e]{0,99}$/.test(subject)) {
    throw invalid('the subject', 'must be 1 to 100 printable ASCII characters', id)
  }
  if (groupId !== undefined && !isToken(groupId)) {
    throw invalid('the group', 'must be 1 to 128 printable ASCII characters without blanks', id)
  }
  return {
    body,
    subject,
    attributes: { ...settings.attributes?.(value), [ID_ATTRIBUTE]: id },
    groupId,
    deduplicationId: settings.fifo ? deduplicationIdOf(id) : undefined,
  }
}

/** SNS takes 1 to 128 letters, digits and punctuation; an id that is none is replaced by its SHA-256. */
function deduplicationIdOf(id: string): string {
  return isToken(id) ? id : createHash('sha256').update(id).digest('hex')
}

const isToken = (text: string): boolean => /^[\x21-\x7e]{1,128}$/.test(text)

const isText = (text: unknown): boolean => typeof text === 'string' && text !== ''

/** What counts against the limit of a request: body, subject, and each attribute's name, type and value. */
export function sizeOf({ body, subject, attributes }: SnsMessage): number {
  let bytes = Buffer.byteLength(body) + (subject === undefined ? 0 : subject.length)
  for (const [name, value] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + 'String'.length + Buffer.byteLength(value)
  }
  return bytes
}

function invalid(part: string, problem: string, id: unknown): EngineError {
  return new EngineError('SNS_MESSAGE_INVALID', {
    kind: 'application',
    message: `sns sink: ${part} of message ${JSON.stringify(id)} ${problem}.`,
    hint: 'Check what the functions in the options of sns({…}) give for this record.',
  })
}
