import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { SecuredService } from './secured-service.ts'

/** That each refused call is in the audit log, as it was answered. Answers with how many there are. */
export async function assertAudited(service: SecuredService): Promise<number> {
  const lines = new Map((await service.audit()).map((line) => [line.requestId, line]))
  for (const { requestId, status, error, text } of service.refused) {
    assert.ok(requestId !== undefined, `an answer has no request id: ${status} ${text}`)
    const line = lines.get(requestId)
    assert.ok(line !== undefined, `not in the audit log: ${status} ${error} ${text}`)
    assert.equal(line.status, status, `the audit log tells otherwise of: ${text}`)
  }
  return service.refused.length
}

/** That no secret is where somebody else may look: logs, audit, answers, the list of processes, jobs' environments. */
export function assertKept(service: SecuredService, moreTexts: ReadonlyMap<string, string>): number {
  const texts = new Map([...service.writtenTexts(), ...moreTexts])
  texts.set('answers to refused calls', service.refused.map(({ text }) => text).join('\n'))
  for (const [where, text] of texts) {
    for (const [name, secret] of service.secrets) assert.ok(!text.includes(secret), `${where} shows ${name}`)
  }
  return service.secrets.size
}

/** Command lines of all processes, and environments of those that descend from the service. */
export function processTexts(service: SecuredService): Map<string, string> {
  const listed = execFileSync('ps', ['-eo', 'pid,ppid,args', '--no-headers', '-ww'], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  const texts = new Map([['the list of processes', listed]])
  const parents = new Map<number, number>()
  for (const line of listed.split('\n')) {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/, 2).map(Number)
    parents.set(pid, parent)
  }
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid)
    return parent !== undefined && parent > 0 && (parent === service.pid || descends(parent))
  }
  for (const pid of parents.keys()) {
    if (!descends(pid)) continue
    try {
      texts.set(`the environment of process ${pid}`, readFileSync(`/proc/${pid}/environ`, 'utf8'))
    } catch (error) {
      // It has just ended, or this system has no such files.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return texts
}
