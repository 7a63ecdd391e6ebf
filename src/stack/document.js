/** `${file(src/stack/document.js):content}`: the commands that the responder may run on a host, as Systems Manager holds them. */
import { collectionDocument } from '../evidence/os/document.ts';
import { variable } from './variables.ts';

export const content = variable(async () => collectionDocument());
