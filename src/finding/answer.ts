/** A person's answer to a request for approval, as the waiting execution is given it. Pure. */
import * as z from 'zod/mini';

export type Answer =
  /** `by`: as claimed. */
  | {
      decision: 'approve' | 'deny';
      by: string;
      reason: string;
      /** False: the policy's own. Default: true. */ person?: false;
    }
  /** There is none that could be followed: why, for people. */
  | { decision: 'none'; why: string };

const answerForm = z.object({
  decision: z.enum(['approve', 'deny']),
  by: z.string().check(z.minLength(1), z.maxLength(2_048)),
  reason: z.string().check(z.minLength(1), z.maxLength(2_000)),
});

/** The answer as it came back: a JSON text, or that in a JSON text. What cannot be understood decides nothing. */
export function parseAnswer(given: unknown): Answer {
  const parsed = answerForm.safeParse(unpacked(unpacked(given)));
  return parsed.success ? parsed.data : { decision: 'none', why: 'an answer came that cannot be understood' };
}

export function answerText(answer: Extract<Answer, { by: string }>): string {
  return JSON.stringify(answer);
}

function unpacked(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given) as unknown;
  } catch {
    return given;
  }
}
