// For `node -r`: every server of that process listens on 127.0.0.1, whatever it asks for. For servers without a host option.
const net = require('node:net')
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const [first] = args
  if (first !== null && typeof first === 'object' && !first.path && first.fd === undefined) {
    args[0] = { ...first, host: '127.0.0.1' }
  } else if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
    const rest = args.slice(1).filter((arg) => typeof arg === 'function')
    args = [{ port: Number(first), host: '127.0.0.1' }, ...rest]
  }
  return listen.apply(this, args)
}
