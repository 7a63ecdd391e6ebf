/** What has become of the network interfaces since they were moved, a line for each that is not where it was. Pure. */
import type { NetworkState } from '../containment/interfaces.ts';

export function networkDrift(asked: NetworkState, now: NetworkState): string[] {
  const ids = [...new Set([...Object.keys(asked), ...Object.keys(now)])].toSorted();
  return ids.flatMap((id) => {
    const [was, is] = [asked[id], now[id]];
    if (!is) return [`network interface ${id} is not attached to the instance any more`];
    if (!was) return [`network interface ${id} has appeared since, in ${named(is.groups)}`];
    if (was.groups.join() === is.groups.join() && was.requester === is.requester) return [];
    return [`network interface ${id} is in ${named(is.groups)}, not in ${named(was.groups)}`];
  });
}

function named(groups: string[]): string {
  return groups.join(', ') || 'no group';
}
