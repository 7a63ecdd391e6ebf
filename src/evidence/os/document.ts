/** PLACEHOLDER until the collection from hosts is merged, whose document takes this one's place: it runs nothing. */
export function collectionDocument(): object {
  return {
    schemaVersion: '2.2',
    description: 'secresponse: placeholder, runs nothing',
    mainSteps: [{ action: 'aws:runShellScript', name: 'nothing', inputs: { runCommand: ['exit 1'] } }],
  };
}
