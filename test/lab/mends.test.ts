import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startLocalAws, type LocalAws } from '../../src/lab/local-aws.ts';
import { startProxy } from '../../src/lab/proxy.ts';
import { useLocalAws } from '../support/local-aws.ts';
import { probes as attributes } from './probes/ec2-attributes.ts';
import { probes as instances } from './probes/ec2-instances.ts';
import { probes as interfaces } from './probes/ec2-interfaces.ts';
import { probes as states } from './probes/ec2-states.ts';
import { probes as network } from './probes/ec2-network.ts';
import { probes as fleet } from './probes/fleet.ts';
import { probes as functions } from './probes/lambda.ts';
import { probes as others } from './probes/others.ts';
import { labAt, type Probe } from './probes/probe.ts';
import { probes as ssm } from './probes/ssm.ts';

const probes = [
  ...attributes,
  ...network,
  ...instances,
  ...states,
  ...interfaces,
  ...fleet,
  ...others,
  ...ssm,
  ...functions,
];
const { newAccount } = useLocalAws();
let stock: LocalAws;

beforeAll(async () => {
  stock = await startLocalAws({ stock: true });
}, 300_000);
afterAll(async () => stock.stop());

describe.each(probes)('$mend: $holds', (probe: Probe) => {
  test('here', async () => {
    expect(await probe.run(labAt((await newAccount()).endpoint))).toEqual(probe.answer);
  }, 20_000);

  test('not in stock moto', async () => {
    const { endpoint, stop } = await startProxy({ upstream: stock.endpoint, account: '210987654321' });
    try {
      expect(await answerOf(probe, endpoint)).not.toEqual(probe.answer);
    } finally {
      await stop();
    }
  }, 20_000);
});

async function answerOf(probe: Probe, endpoint: string): Promise<unknown> {
  try {
    return await probe.run(labAt(endpoint));
  } catch (error) {
    return error;
  }
}

test('every mend has a probe', async () => {
  const { endpoint } = await newAccount();
  const answer = await fetch(`${endpoint}/moto-api/secresponse`);
  const { mends } = (await answer.json()) as { mends: string[] };
  expect(probes.map(({ mend }) => mend).toSorted()).toEqual(mends.toSorted());
});
