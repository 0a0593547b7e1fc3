/**
 * What is known of a request when its conditions are looked at: values by the key's name in lower case. A key that isn't
 * there is absent, as for a policy's `Null`.
 */
export type ConditionKeys = ReadonlyMap<string, readonly string[]>

const names = [
  'aws:CurrentTime',
  'aws:EpochTime',
  'aws:PrincipalAccount',
  'aws:PrincipalArn',
  'aws:PrincipalType',
  'aws:RequestedRegion',
  'aws:SecureTransport',
  'aws:SourceIp',
  'aws:TagKeys',
  'aws:UserAgent',
  'aws:username',
  'iam:PassedToService',
]
const prefixes = ['aws:PrincipalTag/', 'aws:ResourceTag/', 'aws:RequestTag/']

const known = new Set(names.map((name) => name.toLowerCase()))
const knownPrefixes = prefixes.map((prefix) => prefix.toLowerCase())

/** Whether requests have such a key. One that no request ever has would make a condition always false, or always true. */
export function isConditionKey(name: string): boolean {
  const lower = name.toLowerCase()
  return known.has(lower) || knownPrefixes.some((prefix) => lower.startsWith(prefix) && lower.length > prefix.length)
}

/** For whoever wrote a key that isn't one. */
export const conditionKeyNames = [...names, ...prefixes.map((prefix) => `${prefix}KEY`)].join(', ')
