/** What each role may do to Auto Scaling groups and load balancers: the responder takes out, the release puts back. */
import { beforeAll, expect, test } from '@jest/globals';
import { listed, packaged, sub, type Template } from './packaged.ts';

let template: Template;
beforeAll(async () => {
  template = await packaged('api=iam');
}, 60_000);

test('an instance is taken out of groups and load balancers of this account, and put back, and nothing else', () => {
  const own = '*:${AWS::AccountId}:';
  const group = sub(`arn:\${AWS::Partition}:autoscaling:${own}autoScalingGroup:*:autoScalingGroupName/*`);
  const balancers = ['loadbalancer/*', 'targetgroup/*'].map((kind) =>
    sub(`arn:\${AWS::Partition}:elasticloadbalancing:${own}${kind}`),
  );
  const found = (role: string, sid: string) => {
    const { Action, Resource } = template.statement(role, sid);
    return [listed(Action).map((action) => action.split(':')[1]), Resource];
  };
  expect(found('ResponderRole', 'LeaveScalingGroup')).toEqual([['DetachInstances', 'EnterStandby'], group]);
  expect(found('ReleaseRole', 'RejoinScalingGroup')).toEqual([['ExitStandby'], group]);
  expect(found('ResponderRole', 'LeaveLoadBalancers')).toEqual([
    ['DeregisterInstancesFromLoadBalancer', 'DeregisterTargets'],
    balancers,
  ]);
  expect(found('ReleaseRole', 'RejoinLoadBalancers')).toEqual([
    ['RegisterInstancesWithLoadBalancer', 'RegisterTargets'],
    balancers,
  ]);
});
