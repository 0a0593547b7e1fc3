/** Checks answers of the API against the service model: for tests. */
import { serviceModel } from './service-model.ts'
import { validate } from './validate.ts'

/**
 * Two bounds of the model are left out: it gives an MD5 128 characters, which none has, and a list of tags one member at
 * least, which that of an untagged application hasn't.
 */
const answerModel = {
  ...serviceModel,
  shapes: { ...serviceModel.shapes, CodeMD5: { type: 'string', max: 128 }, Tags: { type: 'list', member: 'Tag' } },
} as const

/** Errors any operation may answer with, beside those that its model names. */
const commonErrors = ['InvalidArgumentException', 'SerializationException', 'UnsupportedOperationException']

/** Throws when an answer isn't one that the model allows for the operation. */
export function checkAnswer(operation: string, status: number, headers: Record<string, string>, body: string): void {
  const model = serviceModel.operations[operation]
  const told = `${operation} answers ${status} ${body.slice(0, 500)}`
  if (model === undefined) throw new Error(`${told}: the operation is not known`)
  const value = JSON.parse(body)
  if (headers['content-type'] !== 'application/x-amz-json-1.1') throw new Error(`${told}: content type`)
  if (headers['x-amzn-requestid'] === undefined) throw new Error(`${told}: without a request id`)
  if (status === 200) {
    if (JSON.stringify(validate(answerModel, model.output, value)) !== body) throw new Error(`${told}: null members`)
    return
  }
  const { __type: type, message } = value
  const isKnown = status === 400 && [...model.errors, ...commonErrors].includes(type)
  const isTold = headers['x-amzn-errortype'] === type && typeof message === 'string' && message !== ''
  if (!isKnown || !isTold) throw new Error(`${told}: not an error of its model`)
}
