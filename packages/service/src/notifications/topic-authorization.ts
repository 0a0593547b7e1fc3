import type { CallAccess } from '../access/call-access.ts'
import type { QueryFields } from '../wire/query-fields.ts'
import type { SnsContext } from './sns-context.ts'

/**
 * Asks whether the caller may do an operation of SNS: action `sns:OPERATION` on the topic's ARN, also for what names a
 * subscription; PublishBatch is `sns:Publish`, as at AWS. Errors: `AccessDeniedException` (403).
 */
export function authorizeTopicOperation(
  action: string,
  fields: QueryFields,
  access: CallAccess,
  context: SnsContext,
): void {
  const name = action === 'PublishBatch' ? 'Publish' : action
  access.authorize({ action: `sns:${name}`, resource: resourceOf(action, fields, context) })
}

function resourceOf(action: string, fields: QueryFields, context: SnsContext): string {
  switch (action) {
    case 'ListTopics':
    case 'ListSubscriptions':
      return '*'
    case 'CreateTopic':
      return `arn:aws:sns:${context.region}:${context.accountId}:${fields.required('Name')}`
    case 'DeleteTopic':
      return fields.required('TopicArn')
    case 'ListTagsForResource':
      return fields.required('ResourceArn')
    case 'Unsubscribe':
    case 'GetSubscriptionAttributes':
    case 'SetSubscriptionAttributes': {
      const arn = fields.required('SubscriptionArn')
      return context.store.subscription(arn)?.topicArn ?? arn
    }
    default:
      return fields.optional('TopicArn') ?? fields.optional('TargetArn') ?? '*'
  }
}
