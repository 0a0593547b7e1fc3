/** Records as lines of text on standard output. */
export { type PrintOptions, print, type TextOutput } from '@millrace/engine/spi'
