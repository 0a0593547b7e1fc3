import type { OwnUserMeans } from './isolation-settings.ts'
import { reaperUserId } from './job-user.ts'
import { shellWord, shellWords } from './shell-words.ts'

/** The outer one is killed in place of the job, and with this process; the inner one mustn't begin when it is gone. */
const OUTER = 'PARENT=$$ "$@"; exit $?'

/**
 * The words that run a program as a user of its own, in a session without this process's terminal, before those of the
 * program itself. Around it are two shells of root. The inner one ends whatever the user has left running: before the
 * program, after it, and when the outer shell has been killed.
 */
export function ownUserWords({ tools: { sh, setsid, setpriv } }: OwnUserMeans, userId: number): string[] {
  const user = String(userId)
  return [
    ...[setsid, setpriv, '--pdeathsig', 'KILL', '--', sh, '-c', OUTER, 'millrace-job'],
    ...[setpriv, '--pdeathsig', 'TERM', '--', sh, '-c', innerScript(setpriv, userId), 'millrace-job'],
    // Only root can take rights from the bounding set.
    ...[setpriv, '--reuid', user, '--regid', user, '--clear-groups', '--bounding-set=-all', '--'],
    // Not before: the kernel forgets it when the user changes.
    ...[setpriv, '--pdeathsig', 'KILL', '--'],
  ]
}

function innerScript(setpriv: string, userId: number): string {
  const reaper = [setpriv, '--ruid', String(reaperUserId()), '--euid', '0', '--', process.execPath, '-e']
  return `[ "$PPID" = "$PARENT" ] || exit 97
unset PARENT
umask 077
end() { (cd / && exec ${shellWords(reaper)} ${shellWord(reapingProgram(userId))}); }
trap 'end; exit 137' TERM
end || exit 97
"$@" &
wait $!
code=$?
end
exit $code
`
}

/**
 * Kills all processes of a user in one step, which none of them can outrun by starting others. Nor can one kill this
 * program first: signals reach a process by its real and its saved user, and only its effective one is theirs.
 * Source: kill(2), credentials(7).
 */
function reapingProgram(userId: number): string {
  return (
    `process.seteuid(${userId}); ` +
    "try { process.kill(-1, 'SIGKILL') } catch (error) { if (error.code !== 'ESRCH') throw error }"
  )
}
