// A Charge Point on ocpp-rpc, which checks each message both ways against its own schemas.
//
//   node station.js ENDPOINT IDENTITY PASSWORD
//
// It plays one charge and prints each step as a line of JSON; whatever goes wrong, in its own
// eyes or in the Central System's, is a line with "error" and an exit status of 1.
'use strict';

const { RPCClient, createRPCError } = require('ocpp-rpc');

const [endpoint, identity, password] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const now = () => new Date().toISOString();

const station = new RPCClient({
    endpoint,
    identity,
    password: password || undefined,
    protocols: ['ocpp1.6'],
    strictMode: true,
    reconnect: false,
});

const profiles = [];
let heard = () => {};
station.handle('SetChargingProfile', ({ params }) => {
    profiles.push(params.csChargingProfiles);
    heard();
    return { status: 'Accepted' };
});
station.handle(({ method }) => {
    throw createRPCError('NotSupported', `${method} is not played here`);
});
station.on('badMessage', ({ error }) => say({ error: `bad message: ${error}` }));
station.on('strictValidationFailure', ({ error }) => say({ error: `schema: ${error}` }));

const profile = (purpose) => new Promise((resolve) => {
    heard = () => {
        const found = profiles.find((one) => one.chargingProfilePurpose === purpose);
        if (found) resolve(found.chargingSchedule.chargingSchedulePeriod[0].limit);
    };
    heard();
});

const status = (connectorId, word) => station.call('StatusNotification', {
    connectorId, errorCode: 'NoError', status: word, timestamp: now(),
});

// What the other side answers to a request that it must refuse.
async function refusal(action, params) {
    try {
        await station.call(action, params);
        return 'none';
    } catch (error) {
        return error.rpcErrorCode || error.message;
    }
}

async function charge() {
    await station.connect();
    say({ protocol: station.protocol });
    const boot = await station.call('BootNotification', {
        chargePointVendor: 'Node', chargePointModel: 'ocpp-rpc',
    });
    say({ boot: boot.status, interval: boot.interval });
    say({ standing: await profile('TxDefaultProfile') });
    await status(0, 'Available');
    await status(1, 'Preparing');
    const { idTagInfo } = await station.call('Authorize', { idTag: '04A1B2C3D4E5F6' });
    say({ authorize: idTagInfo.status });
    const start = await station.call('StartTransaction', {
        connectorId: 1, idTag: '04A1B2C3D4E5F6', meterStart: 100, timestamp: now(),
    });
    say({ start: start.idTagInfo.status, limit: await profile('TxProfile') });
    await status(1, 'Charging');
    await station.call('MeterValues', {
        connectorId: 1,
        transactionId: start.transactionId,
        meterValue: [{ timestamp: now(), sampledValue: [{ value: '1100', unit: 'Wh' }] }],
    });
    await station.call('StopTransaction', {
        transactionId: start.transactionId, meterStop: 2100, timestamp: now(), reason: 'Local',
    });
    await status(1, 'Available');
    say({ data: (await station.call('DataTransfer', { vendorId: 'nobody' })).status });
    station.reconfigure({ strictMode: false });
    say({ unknown: await refusal('Dance', {}) });
    say({ direction: await refusal('Reset', { type: 'Soft' }) });
    say({ missing: await refusal('Authorize', {}) });
    await station.close();
    say({ end: true });
}

charge().catch((error) => {
    say({ error: String(error.stack || error) });
    process.exitCode = 1;
});
