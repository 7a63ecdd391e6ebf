/** A local AWS for a test file, and an account of its own for each test. */
import { afterAll, beforeAll } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { attachLocalAws, startLocalAws, type Delivery, type LocalAws } from '../../src/lab/local-aws.ts';
import { startProxy, type Proxy } from '../../src/lab/proxy.ts';
import { smallBudgets } from './budgets.ts';

/** Set by global-setup.ts: one server for the whole run. */
const ENDPOINT_VARIABLE = 'SECRESPONSE_TEST_ENDPOINT';

export interface TestAccount {
  /** Twelve digits that no other test has. */
  account: string;
  /** The proxy's: whatever is called here happens in this account, and in sight of the proxy. */
  endpoint: string;
  proxy: Proxy;
  /** Whether calls here may never be answered, or late: only then is little patience part of a test. */
  isSlow: () => boolean;
  /** Hears what EventBridge delivers to Lambda targets of rules in this account. @returns a function that stops it. */
  onDelivery: (listener: (delivery: Delivery) => void) => () => void;
}

export interface TestAws {
  /** Without a proxy; for the default account. */
  readonly endpoint: string;
  /** An empty account behind a proxy of its own; the proxy is stopped at the end of the file. */
  newAccount: (options?: { latencyMs?: number }) => Promise<TestAccount>;
}

/** Call it at the top of a test file. Uses the run's server where there is one, else starts one for the file. */
export function useLocalAws(): TestAws {
  let aws: LocalAws | undefined;
  const proxies: Proxy[] = [];

  beforeAll(async () => {
    const shared = process.env[ENDPOINT_VARIABLE];
    aws = shared ? await attachLocalAws(shared) : await startLocalAws();
  }, 180_000);

  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await aws?.stop();
  });

  function started(): LocalAws {
    if (!aws) throw new Error('the local AWS starts before the first test; ask for it inside a test');
    return aws;
  }

  return {
    get endpoint() {
      return started().endpoint;
    },
    async newAccount({ latencyMs = 0 } = {}) {
      const { endpoint: upstream, onDelivery } = started();
      const account = `${randomInt(1e11, 1e12 - 1)}`;
      const proxy = await startProxy({ upstream, account, latencyMs });
      proxies.push(proxy);
      let slow = false;
      return {
        account,
        endpoint: proxy.endpoint,
        proxy: {
          ...proxy,
          fault(fault) {
            slow ||= fault.kind === 'hang';
            return proxy.fault(fault);
          },
          latency(ms, only) {
            slow ||= ms >= smallBudgets.callTimeoutMs / 2;
            proxy.latency(ms, only);
          },
        },
        isSlow: () => slow,
        onDelivery: (listener) =>
          onDelivery((delivery) => {
            if (delivery.account === account) listener(delivery);
          }),
      };
    },
  };
}
