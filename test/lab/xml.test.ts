/** The local AWS writes XML by itself, for speed: letter by letter what the library writes that it has in place of it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { startLocalAws } from '../../src/lab/local-aws.ts';
import { pythonCandidates } from '../../src/lab/python.ts';

const MENDS = fileURLToPath(new URL('../../src/lab', import.meta.url));
const COMPARE = `
import random, sys
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(MENDS)})
try:
    import moto, xmltodict
except ImportError:
    sys.exit(3)
from mends.quick import written
chance = random.Random(7)
LEAVES = [None, '', ' ', 'a<b>&"\\'', 'ü\\n\\t', True, False, 3, 1.5, b'ab<', 'word']
def value(depth):
    kind = chance.randrange(4 if depth < 4 else 1)
    if kind == 0: return chance.choice(LEAVES)
    if kind == 1: return [value(depth + 1) for _ in range(chance.randrange(3))]
    made = {name: value(depth + 1) for name in 'abcd'[: chance.randrange(5)]}
    if chance.random() < 0.3: made['@xmlns'] = chance.choice(['q"', "'", None, '1', True])
    if chance.random() < 0.2: made['#text'] = chance.choice([None, 't&', 5, ''])
    return made
for number in range(1500):
    body = {'root': {'a': value(0), 'b': value(0)}}
    for short in (True, False):
        library = xmltodict.unparse(body, short_empty_elements=short)
        assert written(body, short) == library, (body, written(body, short), library)
print('the same')
`;

test('as the library, for 1,500 documents of every form', async () => {
  // Makes the virtual environment where the machine's own Python will not do.
  await (await startLocalAws()).stop();
  const answers = pythonCandidates().map((python) => spawnSync(python, ['-c', COMPARE], { encoding: 'utf8' }));
  const [{ stdout, stderr } = { stdout: '', stderr: 'no Python' }] = answers.filter(({ status }) => status !== 3);
  expect({ stdout, stderr }).toEqual({ stdout: 'the same\n', stderr: '' });
}, 120_000);
