/** `${file(src/stack/api.js):functions}` and `:resources`: the API, where the parameter `api` switches it on. */
import { apiFunction, apiResources } from './api.ts';
import { parameters } from './parameters.ts';
import { variable } from './variables.ts';

const stack = async (resolve) => ({
  mode: parameters.api(await resolve('param:api')),
  service: await resolve('self:service'),
  stage: await resolve('sls:stage'),
});

export const functions = variable(async (resolve) => apiFunction(await stack(resolve)));
export const resources = variable(async (resolve) => apiResources(await stack(resolve)));
