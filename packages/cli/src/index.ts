/** The umbrella package: everything an application declares itself with. The command is `millrace`. */
export * from '@millrace/engine'
