/** The texts that run on a suspect host. A bundle has them in it: the build puts their contents in this module's place. */
import { readFileSync } from 'node:fs';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

export const linuxScript = read('./linux.sh');
export const windowsScript = read('./windows.ps1');
