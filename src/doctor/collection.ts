/** What the stack holds ready for asking a host. */
import { isCollectionDocument } from '../evidence/os/document.ts';
import { granted } from './grants.ts';
import { defineCheck, deployCommand, notReady, ok, warning, type Check, type Room } from './check.ts';

const profileOf = ({ settings }: Room): string => settings.places.collection?.profile ?? '';
const documentOf = ({ settings }: Room): string => settings.places.collection?.document ?? '';

export const collection: Check[] = [
  {
    name: 'collection',
    permission: '',
    applies: (room) => profileOf(room) === '' || documentOf(room) === '',
    run: async (room) =>
      [
        profileOf(room) === ''
          ? warning(
              'COLLECTION_INSTANCE_PROFILE is not set: hosts are asked with their own access to Systems Manager, or not',
              "set it to the stack's CollectionProfileName",
            )
          : [],
        documentOf(room) === ''
          ? warning(
              "COLLECTION_DOCUMENT is not set: AWS's own documents are run",
              "set it to the stack's CollectionDocumentName",
            )
          : [],
      ].flat(),
  },
  defineCheck({
    name: 'collection-profile',
    permission: 'iam:GetInstanceProfile',
    applies: (room) => profileOf(room) !== '',
    read: (room) => room.readings.account.profile(profileOf(room)),
    judge(profile, room) {
      const name = `instance profile ${profileOf(room)}`;
      if (profile === null)
        return notReady(`${name} does not exist`, `set COLLECTION_INSTANCE_PROFILE, or ${deployCommand(room)}`);
      if (profile.role === null) return notReady(`${name} has no role`, deployCommand(room));
      if (granted(profile.trust, { service: 'ec2.amazonaws.com', action: 'sts:AssumeRole', context: {} }) === 'no')
        return notReady(`EC2 may not take role ${profile.role} of ${name}`, deployCommand(room));
      return ok(`${name} has role ${profile.role}`);
    },
  }),
  defineCheck({
    name: 'collection-role',
    permission: 'iam:ListAttachedRolePolicies',
    needs: 'collection-profile',
    applies: (room) => profileOf(room) !== '',
    async read({ readings, ...room }) {
      const profile = await readings.account.profile(profileOf({ readings, ...room }));
      return profile?.role ? readings.account.attachedPolicies(profile.role) : [];
    },
    judge: (attached, room) =>
      attached.length === 0
        ? ok('its role has no policies beside its own')
        : notReady(
            `its role has more than the agent needs, on a suspect host: ${attached.join(', ')}`,
            `detach these policies, or ${deployCommand(room)}`,
          ),
  }),
  defineCheck({
    name: 'collection-document',
    permission: 'ssm:GetDocument',
    applies: (room) => documentOf(room) !== '',
    async read(room) {
      try {
        return (await room.aws.ssm.document(documentOf(room))).content;
      } catch (error) {
        if ((error as Error).name === 'InvalidDocument') return null;
        throw error;
      }
    },
    judge(content, room) {
      const name = `document ${documentOf(room)}`;
      if (content === null)
        return notReady(`${name} does not exist`, `set COLLECTION_DOCUMENT, or ${deployCommand(room)}`);
      if (!isCollectionDocument(content))
        return notReady(`${name} is not the one of this version: nothing would be run on a host`, deployCommand(room));
      return ok(`${name} is the one of this version`);
    },
  }),
];
