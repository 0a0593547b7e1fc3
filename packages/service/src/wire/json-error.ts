import type { ApiAnswer } from './api-service.ts'

/** An error as the JSON protocols of AWS tell it. */
export function describeJsonError(error: {
  readonly type: string
  readonly message: string
  readonly status: number
}): ApiAnswer {
  return {
    status: error.status,
    contentType: 'application/x-amz-json-1.1',
    body: JSON.stringify({ __type: error.type, message: error.message }),
    headers: { 'x-amzn-errortype': error.type },
  }
}
