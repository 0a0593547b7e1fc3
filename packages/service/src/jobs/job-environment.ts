type Environment = Readonly<Record<string, string | undefined>>

/** What a program may need to know of the machine it runs on; nothing in it is a secret. */
const handedOn = [
  'PATH',
  'TZ',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'SystemRoot',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
]

/** Where services of AWS, or what stands in for them, are. */
const endpointVariable = /^AWS_ENDPOINT_URL(_[A-Z0-9_]+)?$/

/**
 * The environment of a job: a few harmless variables of this process, its own folder as home (so that the operator's
 * `~/.aws` isn't found), and what is given. Credentials of this process's environment stay here, also those in addresses.
 */
export function jobEnvironment(own: Environment, home: string, given: Environment): Record<string, string> {
  // An application has the credentials it is given; those of the machine it runs on aren't its own.
  const environment: Record<string, string> = { HOME: home, AWS_EC2_METADATA_DISABLED: 'true' }
  for (const name of handedOn) {
    const value = own[name]
    if (value !== undefined) environment[name] = value
  }
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && endpointVariable.test(name) && !hasUserInfo(value)) environment[name] = value
  }
  for (const [name, value] of Object.entries(given)) if (value !== undefined) environment[name] = value
  return environment
}

function hasUserInfo(url: string): boolean {
  return !URL.canParse(url) || new URL(url).username !== '' || new URL(url).password !== ''
}
