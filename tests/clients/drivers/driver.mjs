// Runs one DDP client for the tests: commands in, answers and snapshots out, as lines of JSON.
//
//   node driver.mjs CLIENT [arguments of the client's module]
//
//   <- {"id": 1, "do": "connect", "with": [url]}
//   <- {"id": 2, "do": "subscribe", "with": [name, ...params]}      answers a handle when ready
//   <- {"id": 3, "do": "unsubscribe", "with": [handle]}
//   <- {"id": 4, "do": "call", "with": [method, ...params]}
//   <- {"id": 5, "do": "write", "with": [collection, "insert", document]}     where the client can
//   <- {"id": 6, "do": "account", "with": ["login", name, password]}          where the client can
//   -> {"id": 2, "value": ...} or {"id": 2, "error": {"error", "reason"}}
//   -> {"snapshot": {collection: {id: fields}}}      after changes, and before an answer
//   -> {"status": "connected" | "disconnected"}                    after each change
//
// A client module exports connect(url, hooks), which resolves when connected, to an object with
// subscribe(name, params), unsubscribe(handle), call(method, params) and documents(), the snapshot
// as the client itself keeps it, and accounts, functions by name, if it logs in. It calls hooks.changed() whenever that may be another, and
// hooks.status().
import { createInterface } from 'node:readline';

const { connect } = await import(`./${process.argv[2]}.mjs`);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

// What a client prints must not come between the lines.
for (const level of ['log', 'info', 'debug']) console[level] = console.error;

let client;
let lastSnapshot = '{}';
let lastStatus;
let waiting = false;

function report() {
  waiting = false;
  const snapshot = client.documents();
  const text = JSON.stringify(snapshot);
  if (text === lastSnapshot) return;
  lastSnapshot = text;
  say({ snapshot });
}

const hooks = {
  changed() {
    if (waiting || !client) return;
    waiting = true;
    setImmediate(report);
  },
  status(status) {
    if (status !== lastStatus) say({ status });
    lastStatus = status;
    this.changed();
  },
};

const commands = {
  async connect(url) {
    client = await connect(url, hooks);
  },
  subscribe: (name, ...params) => client.subscribe(name, params),
  unsubscribe: (handle) => client.unsubscribe(handle),
  call: (method, ...params) => client.call(method, params),
  account: (name, ...params) => client.accounts[name](...params),
  write: (collection, kind, ...params) => client.write(collection, kind, params),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  // Not awaited: a command may wait for a later one.
  Promise.resolve()
    .then(() => commands[command.do](...command.with))
    .then((value) => ({ value: value ?? null }))
    .catch((error) => ({
      error: { error: error?.error ?? String(error), reason: error?.reason ?? null },
    }))
    .then((answer) => {
      if (client) report();
      say({ id: command.id, ...answer });
    });
}
process.exit(0);
