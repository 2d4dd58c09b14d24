// A billing backend: ocpp-rpc, with strict schemas in both directions. It says on a line of its
// own what each gateway tells it, and what came of what it asks.
//
//     node backend.js CLIENT_ID PASSWORD
'use strict';
const { RPCServer, createRPCError } = require('ocpp-rpc');

const [clientId, password] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const accepted = { idTagInfo: { status: 'Accepted' } };
let transactions = 0;

async function ask(client, action, payload) {
  try {
    say({ asked: action, answer: await client.call(action, payload) });
  } catch (error) {
    say({ asked: action, error: error.rpcErrorCode || error.message });
  }
}

const server = new RPCServer({ protocols: ['ocpp1.6'], strictMode: true });

server.auth((accept, reject, handshake) => {
  const given = handshake.password && handshake.password.toString('utf8');
  if (handshake.identity !== clientId || given !== password) {
    say({ refused: handshake.identity });
    reject(401);
    return;
  }
  accept({});
});

server.on('client', (client) => {
  const now = () => new Date().toISOString();
  const answers = {
    Authorize: () => accepted,
    BootNotification: () => ({ status: 'Accepted', interval: 300, currentTime: now() }),
    Heartbeat: () => ({ currentTime: now() }),
    MeterValues: () => ({}),
    StartTransaction: () => ({ transactionId: transactions++, ...accepted }),
    StatusNotification: () => ({}),
    StopTransaction: () => accepted,
  };
  for (const [action, answer] of Object.entries(answers)) {
    client.handle(action, ({ params }) => {
      say({ told: action, params });
      if (action === 'MeterValues') {
        setImmediate(async () => {
          await ask(client, 'GetConfiguration', { key: ['HeartbeatInterval', 'Nonsense'] });
          await ask(client, 'GetLocalListVersion', {});
          await ask(client, 'RemoteStopTransaction', { transactionId: 0 });
        });
      }
      return answer();
    });
  }
  client.handle(({ method }) => {
    say({ told: method });
    throw createRPCError('NotImplemented');
  });
  client.on('badMessage', (event) => say({ bad: String(event.error || event) }));
  client.on('strictValidationFailure', (event) => say({ bad: String(event.error || event) }));
});

server.listen(0, '127.0.0.1').then((http) => say({ port: http.address().port }));
process.stdin.on('end', () => process.exit(0)).resume();
