/** A word that a shell reads as it is. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

export function shellWords(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}
