// A real Vendure shop for the tests, on loopback, with a database of its own. Started by shop.py, never shipped.
//
// From the environment:
//   VENDURE_PACKAGES    the folder whose node_modules holds @vendure/core and pg
//   VENDURE_PORT        a free port of 127.0.0.1
//   VENDURE_GATEWAY     the folder through which a test plays the payment provider (see settlingPayment)
//   VENDURE_DB_HOST     the socket folder or host of PostgreSQL; also VENDURE_DB_PORT, VENDURE_DB_USER, VENDURE_DB_NAME
//   VENDURE_USERNAME    the superadmin's; also VENDURE_PASSWORD
//
// It ends when its standard input closes or its parent goes, so that a test run that was killed leaves no orphan.

import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const env = process.env;
const parent = process.ppid;

process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
setInterval(() => process.ppid === parent || process.exit(0), 500).unref();

env.VENDURE_DISABLE_TELEMETRY = 'true'; // read while @vendure/core loads
const require = createRequire(join(env.VENDURE_PACKAGES, 'package.json'));
const {
    bootstrap, DefaultJobQueuePlugin, dummyPaymentHandler, LanguageCode, manualFulfillmentHandler, PaymentMethodHandler,
} = require('@vendure/core');

const silent = () => {};
const errorsOnly = {
    error: (message, context, trace) => process.stderr.write(`[${context ?? ''}] ${message}\n${trace ?? ''}\n`),
    warn: silent, info: silent, verbose: silent, debug: silent,
};

// The payment provider: its behaviour is read on each call, so that a test can change it while the shop runs.
const gateway = join(env.VENDURE_GATEWAY, 'behaviour.json'); // {"delay_ms": 0, "outcome": "settle" | "fail" | "throw"}
const journal = join(env.VENDURE_GATEWAY, 'refunds.jsonl'); // a line for each refund for which money moved

const settlingPayment = new PaymentMethodHandler({
    code: 'settling-payment',
    description: [{ languageCode: LanguageCode.en, value: 'Settles payments and refunds at once' }],
    args: {},
    createPayment: (ctx, order, amount, args, metadata) => ({
        amount,
        state: 'Settled',
        transactionId: `PAY-${crypto.randomUUID()}`,
        metadata,
    }),
    settlePayment: () => ({ success: true }),
    createRefund: async (ctx, input, amount, order, payment) => {
        const { delay_ms: delay, outcome } = JSON.parse(readFileSync(gateway, 'utf8'));
        const transactionId = `REF-${crypto.randomUUID()}`;
        if (outcome === 'throw') throw new Error('The payment provider does not answer');
        if (outcome === 'fail') return { state: 'Failed', transactionId, metadata: { error: 'declined' } };
        const { reason } = input;
        const moved = { order: order.code, payment: payment.transactionId, amount, reason, transactionId };
        appendFileSync(journal, `${JSON.stringify(moved)}\n`);
        await wait(delay); // the money has moved; the shop does not know it yet
        return { state: 'Settled', transactionId };
    },
});

await bootstrap({
    apiOptions: { hostname: '127.0.0.1', port: Number(env.VENDURE_PORT) },
    authOptions: {
        tokenMethod: ['bearer', 'api-key'],
        superadminCredentials: { identifier: env.VENDURE_USERNAME, password: env.VENDURE_PASSWORD },
    },
    dbConnectionOptions: {
        type: 'postgres',
        host: env.VENDURE_DB_HOST,
        port: Number(env.VENDURE_DB_PORT),
        username: env.VENDURE_DB_USER,
        database: env.VENDURE_DB_NAME,
        synchronize: true,
        retryAttempts: 0, // no database is told at once, instead of after 26 s
        logging: false,
    },
    logger: errorsOnly,
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler, settlingPayment] },
    shippingOptions: { fulfillmentHandlers: [manualFulfillmentHandler] },
    plugins: [DefaultJobQueuePlugin],
});
