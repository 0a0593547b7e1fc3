import type { IncomingHttpHeaders } from 'node:http'
import { authorizeOperation } from './access/application-authorization.ts'
import { serviceModel } from './model/service-model.ts'
import type { Operations } from './model/shapes.ts'
import { validate } from './model/validate.ts'
import { applicationOperations } from './operations/index.ts'
import type { ApplicationContext, Operation } from './operations/operation.ts'
import { ApiError } from './wire/api-error.ts'
import type { ApiAnswer, ApiCall, ApiService } from './wire/api-service.ts'
import { decodeJson, encodeJson, type WireValue } from './wire/json-codec.ts'
import { describeJsonError } from './wire/json-error.ts'

const contentType = 'application/x-amz-json-1.1'
const targetPrefix = `${serviceModel.targetPrefix}.`

/** KinesisAnalyticsV2, the API of managed Flink applications, over JSON 1.1. Its signing name has no v2. */
export class KinesisAnalyticsService implements ApiService {
  readonly signingName = 'kinesisanalytics'
  /** 50 MiB of code are 67 MiB in base64. */
  readonly maxBodyBytes = 72 << 20
  readonly #context: ApplicationContext
  readonly #enter: () => Promise<void>

  /** Each call waits for `enter` first. */
  constructor(context: ApplicationContext, enter: () => Promise<void>) {
    this.#context = context
    this.#enter = enter
  }

  accepts(_method: string, _target: string, headers: IncomingHttpHeaders): boolean {
    return targetOf(headers).startsWith(targetPrefix)
  }

  async handle(call: ApiCall): Promise<ApiAnswer> {
    const name = targetOf(call.headers).slice(targetPrefix.length)
    if (!Object.hasOwn(serviceModel.operations, name)) {
      throw new ApiError('UnknownOperationException', `${name} is not an operation of KinesisAnalyticsV2.`)
    }
    const run = operationOf(name as keyof Operations)
    const input = validate(serviceModel, serviceModel.operations[name]!.input, decodeJson(call.body))
    await this.#enter()
    await authorizeOperation(name, input as never, call.access, this.#context)
    const output = await run(input as never, this.#context, call.headers)
    return { status: 200, contentType, body: encodeJson(output as unknown as WireValue) }
  }

  readonly describeError = describeJsonError
}

/** Errors: those of operations that nothing carries out. */
function operationOf(name: keyof Operations): Operation<never> {
  const operation = applicationOperations[name]
  switch (operation) {
    case 'InvalidRequestException':
    case 'UnsupportedOperationException':
      throw new ApiError(operation, `${name} is for SQL-1_0 applications, which Amazon has ended: there are none here.`)
    default:
      return operation as unknown as Operation<never>
  }
}

function targetOf(headers: IncomingHttpHeaders): string {
  const target = headers['x-amz-target']
  return typeof target === 'string' ? target : ''
}
