/*
 * A journey with @qiwi/bill-payments-node-js-sdk 3.2.1 as it is installed, in an environment of its own.
 *
 * Usage: node node_journey.js < order.json, with node_modules of that environment in NODE_PATH.
 * What is changed lies below the SDK: `https.request` sends what goes to the historic host to the server under test.
 * What happened is printed as one JSON object.
 */
const http = require('http');
const https = require('https');

const order = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const here = new URL(order.url);
const seen = [];
https.request = (options, done) => {
    seen.push({ method: options.method, host: options.host, path: options.path });
    const below = { ...options, protocol: 'http:', agent: undefined, host: here.hostname, hostname: here.hostname, port: here.port };
    return http.request(below, done);
};

const SDK = require('@qiwi/bill-payments-node-js-sdk');
const { version } = require('@qiwi/bill-payments-node-js-sdk/package');
const sdk = new SDK(order.secret);

const failure = async call => {
    try {
        return { answer: await call };
    } catch (problem) {
        return { status: problem.statusCode, error: problem.error };
    }
};

const bills = async () => {
    const lifetime = sdk.getLifetimeByDay(1);
    const params = () => ({
        amount: 200.345, currency: 'RUB', comment: 'test', expirationDateTime: lifetime, email: 'm@example.org',
        account: 'client4563', phone: order.payer, customFields: { city: 'Москва' }, successUrl: 'https://example.org/?ok=1'
    });
    const made = await sdk.createBill(order.paid, params());
    const again = await sdk.createBill(order.paid, params());
    await sdk.createBill(order.cancelled, { amount: '1', currency: 'RUB', expirationDateTime: lifetime });
    return {
        lifetime,
        made,
        again,
        info: await sdk.getBillInfo(order.paid),
        cancelled: await sdk.cancelBill(order.cancelled),
        unknown: await failure(sdk.getBillInfo('unknown')),
        other: await failure(sdk.createBill(order.paid, { ...params(), amount: 5 })),
        nothing: await failure(sdk.createBill('nothing', { currency: 'RUB', expirationDateTime: lifetime })),
        refund: await failure(sdk.refund(order.paid, '1', 1)),
        refunded: await failure(sdk.getRefundInfo(order.paid, '1')),
        stranger: await failure(new SDK('wrong').getBillInfo(order.paid)),
        form: sdk.createPaymentForm({ publicKey: order.public, amount: 10, billId: 'form-1', successUrl: 'https://example.org/' })
    };
};

const check = async () => ({
    info: await sdk.getBillInfo(order.paid),
    good: sdk.checkNotificationSignature(order.signature, order.notification, order.secret),
    wrong: sdk.checkNotificationSignature(order.signature, order.notification, 'x')
});

({ bills, check })[order.what]()
    .then(told => console.log(JSON.stringify({ ...told, version, seen })))
    .catch(problem => {
        console.error(problem);
        process.exit(1);
    });
