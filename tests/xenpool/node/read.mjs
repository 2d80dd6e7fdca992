// Reads a whole pool with xen-api, for the benchmark, and prints one JSON line: milliseconds, objects, peak memory, CPU.
//
//     node read.mjs URL USER PASSWORD TRANSPORT
import { createClient } from 'xen-api'

const [url, user, password, transport] = process.argv.slice(2)
const watchEvents = ['pool', 'host', 'network', 'PIF', 'PIF_metrics', 'VLAN', 'Bond', 'VIF', 'VM']
const begin = Date.now()
const xapi = createClient({ url, auth: { user, password }, transport, watchEvents })
await xapi.connect()
await xapi.objectsFetched
const { user: inUser, system } = process.cpuUsage()
console.log(
  JSON.stringify({
    ms: Date.now() - begin,
    objects: Object.keys(xapi.objects.all).length,
    peak_kb: process.resourceUsage().maxRSS,
    cpu_ms: Math.round((inUser + system) / 1000),
  })
)
await xapi.disconnect()
process.exit(0)
