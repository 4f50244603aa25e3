// Sends a callback with the npm package `soap`, knowing nothing but the WSDL. `check.py` tells how it is asked and what
// it answers.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const soap = require('soap');

async function main(wsdl, asked) {
  const client = await soap.createClientAsync(wsdl);
  const fields = ['platformId', 'serviceId', 'channel', 'secretKey', 'eventId', 'returnCode', 'riskScore', 'riskAction', 'callbackId'];
  const text = fields.map((field) => asked[field] ?? '').join('');
  const { callbackId, eventId, returnCode, riskScore, riskAction } = asked;
  const Results = Object.fromEntries(
    Object.entries({ returnCode, riskScore, riskAction }).filter(([, value]) => value !== undefined),
  );
  const hashKey = crypto.createHash('sha1').update(text, 'utf8').digest('hex');
  try {
    const [answer] = await client.eventResultAsync({ callbackId, eventId, Results, hashKey });
    return { ack: answer.ack };
  } catch (error) {
    const fault = error.root?.Envelope?.Body?.Fault;
    if (!fault) throw error;
    return { fault: fault.faultstring, code: fault.faultcode };
  }
}

main(process.argv[2], JSON.parse(fs.readFileSync(0, 'utf8'))).then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
