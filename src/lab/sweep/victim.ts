/** The machine that plays the host which is collected from: two folders to write to, and few programs, so that it is quick. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAMS = (
  'sh cat cut date grep gzip head id kill ls mkdir ps readlink rm sed setsid sha256sum sleep sort tail tr uname wc ' +
  'base64 curl'
).split(' ');

export interface Victim {
  /** Where it may write, as TMPDIR: the second one is for a command that AWS was asked for twice. */
  folders: string;
  /** Programs that it has. */
  path: string;
  /** For whatever else a run leaves on this machine. */
  scratch: string;
  remove: () => void;
}

export function createVictim(): Victim {
  const base = mkdtempSync(join(tmpdir(), 'secresponse-sweep-'));
  const made = (name: string) => {
    const at = join(base, name);
    mkdirSync(at);
    return at;
  };
  const [folders, path, scratch] = [`${made('tmp')} ${made('spare')}`, made('bin'), made('scratch')];
  for (const name of PROGRAMS) {
    const there = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']
      .map((at) => join(at, name))
      .find((file) => existsSync(file));
    if (there === undefined) throw new Error(`this machine has no ${name}, which the sweep's victim needs`);
    symlinkSync(there, join(path, name));
  }
  return { folders, path, scratch, remove: () => rmSync(base, { recursive: true, force: true }) };
}
