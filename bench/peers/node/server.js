// ocpp-rpc in strict mode: every message is checked against its schema, nothing is stored.
'use strict';

const { RPCServer } = require('ocpp-rpc');
const readline = require('readline');

const argument = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];

const server = new RPCServer({ protocols: ['ocpp1.6'], strictMode: true, pingIntervalMs: 30000 });
let lastTransaction = 0;

const now = () => new Date().toISOString();

server.auth((accept) => accept());
server.on('client', (client) => {
  client.handle('BootNotification', () => ({ status: 'Accepted', interval: 300, currentTime: now() }));
  client.handle('StatusNotification', () => ({}));
  client.handle('Heartbeat', () => ({ currentTime: now() }));
  client.handle('MeterValues', () => ({}));
  client.handle('StartTransaction', () => ({
    transactionId: ++lastTransaction, idTagInfo: { status: 'Accepted' },
  }));
  client.handle('StopTransaction', () => ({}));
});

// What bench/peers/control.py says of a server holds for this one, too.
readline.createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'gc') { global.gc(); console.log('done'); }
  })
  .on('close', () => process.exit(0));

server.listen(+argument('port'), '127.0.0.1').then(() => console.log('ready'));
