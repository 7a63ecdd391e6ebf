/** At package time the bundler replaces this module by the validated, resolved policies (src/stack/esbuild.ts). */
import type { Policies } from './policy.ts';

/** Null in the sources: a person's command reads a folder of policies instead. */
export const policies: Policies | null = null;
