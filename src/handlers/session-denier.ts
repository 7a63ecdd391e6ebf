/** Its place in the stack: the one function that will write session denials. Until it can, it says no to every request. */
export function handler(): Promise<never> {
  return Promise.reject(
    new Error(
      'session denial is not part of this version: nothing was denied, credentials already issued keep working',
    ),
  );
}
