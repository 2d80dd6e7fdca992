// Follows a pool with xen-api and prints what it sees, one JSON line each: first {"fetched": ...}, then every change of a
// machine or host. Lines of standard input are calls: ["VM.pool_migrate", ref, ...], run in their Async. form; the end of
// the input ends the program in order.
//
//     node follow.mjs URL USER PASSWORD TRANSPORT
import { createInterface } from 'node:readline'
import { createClient } from 'xen-api'

const [url, user, password, transport] = process.argv.slice(2)
const say = what => console.log(JSON.stringify(what))

const auth = { user, password }
const xapi = createClient({ url, auth, transport, watchEvents: true, debounce: 20, eventPollDelay: 100 })
const asked = []
const plainCall = xapi._call.bind(xapi)
let logout // it does not wait for this one by itself
xapi._call = (method, ...rest) => {
  asked.push(method)
  const answer = plainCall(method, ...rest)
  if (method === 'session.logout') {
    logout = answer
  }
  return answer
}
await xapi.connect()
await xapi.objectsFetched

const counts = {}
for (const object of Object.values(xapi.objects.all)) {
  counts[object.$type] = (counts[object.$type] ?? 0) + 1
}
say({ fetched: counts, url: String(xapi._url.hostname), methods: [...new Set(asked)] })

const row = object => ({
  type: object.$type,
  name: object.name_label,
  ref: object.$ref,
  uuid: object.uuid,
  resident_on: object.resident_on,
  power_state: object.power_state,
  operations: object.current_operations,
})
for (const operation of ['add', 'update']) {
  xapi.objects.on(operation, objects => {
    for (const object of Object.values(objects)) {
      if (object !== undefined && ['VM', 'host', 'network', 'PIF'].includes(object.$type)) {
        say({ changed: row(object) })
      }
    }
  })
}
xapi.objects.on('remove', objects => say({ removed: Object.keys(objects) }))

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...args] = JSON.parse(line)
  xapi.callAsync(method, ...args).then(
    result => say({ done: method, result: result ?? null }),
    error => say({ failed: method, code: error.code ?? String(error) })
  )
}
await xapi.disconnect()
await logout
process.exit(0)
