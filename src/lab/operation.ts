/** Which AWS service and operation a request is about, in any of the protocols that AWS speaks. */

export interface RequestHead {
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string | string[] | undefined>;
  /** The beginning of the body is enough. */
  body: string;
}

/** How the service's answers are written, which decides how an error must look. */
export type Protocol = 'ec2' | 'query' | 'json' | 'rest-xml' | 'rest-json';

export interface Operation {
  service: string;
  operation: string;
  protocol: Protocol;
}

export function operationOf(head: RequestHead): Operation {
  const service = serviceOf(head);
  const target = header(head, 'x-amz-target');
  if (target) return { service, operation: target.split('.').at(-1) ?? '', protocol: 'json' };
  const url = new URL(head.path, 'http://local');
  if (service === 's3') return { service, operation: s3Operation(head, url), protocol: 'rest-xml' };
  const action = actionOf(head, url);
  if (action) return { service, operation: action, protocol: service === 'ec2' ? 'ec2' : 'query' };
  return { service, operation: `${head.method} ${url.pathname}`, protocol: 'rest-json' };
}

function header(head: RequestHead, name: string): string {
  const value = head.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** The service's name in the credential scope of the signature; a presigned request carries it in the query. */
function serviceOf(head: RequestHead): string {
  const scope = /Credential=[^/]+\/[^/]+\/[^/]+\/([^/]+)\//.exec(header(head, 'authorization'));
  if (scope) return scope[1] ?? '';
  const presigned = /X-Amz-Credential=[^&]*%2F([a-z0-9-]+)%2Faws4_request/i.exec(head.path);
  return presigned?.[1] ?? '';
}

function actionOf(head: RequestHead, url: URL): string {
  return url.searchParams.get('Action') ?? new URLSearchParams(head.body.slice(0, 1_000)).get('Action') ?? '';
}

/** Query keys that name an S3 subresource, and what the operation is about. */
const S3_SUBRESOURCES: Record<string, string> = {
  versioning: 'BucketVersioning',
  'object-lock': 'ObjectLockConfiguration',
  policy: 'BucketPolicy',
  encryption: 'BucketEncryption',
  lifecycle: 'BucketLifecycleConfiguration',
  publicAccessBlock: 'PublicAccessBlock',
  location: 'BucketLocation',
  notification: 'BucketNotificationConfiguration',
  ownershipControls: 'BucketOwnershipControls',
  retention: 'ObjectRetention',
  'legal-hold': 'ObjectLegalHold',
  attributes: 'ObjectAttributes',
};

const VERBS: Record<string, string> = { GET: 'Get', PUT: 'Put', DELETE: 'Delete', HEAD: 'Head', POST: 'Post' };

function s3Operation(head: RequestHead, url: URL): string {
  const { method } = head;
  const verb = VERBS[method] ?? method;
  const query = url.searchParams;
  const [bucket = '', ...rest] = url.pathname.replace(/^\//, '').split('/');
  const inObject = rest.join('/') !== '';
  for (const [key, about] of Object.entries(S3_SUBRESOURCES)) if (query.has(key)) return `${verb}${about}`;
  if (query.has('tagging')) return `${verb}${inObject ? 'Object' : 'Bucket'}Tagging`;
  if (query.has('acl')) return `${verb}${inObject ? 'Object' : 'Bucket'}Acl`;
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : 'ListMultipartUploads';
  if (query.has('uploadId')) return s3MultipartOperation(head, query);
  if (bucket === '') return 'ListBuckets';
  if (inObject) {
    if (method === 'PUT' && header(head, 'x-amz-copy-source')) return 'CopyObject';
    return `${verb}Object`;
  }
  if (method === 'GET') {
    if (query.has('versions')) return 'ListObjectVersions';
    return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
  }
  if (method === 'PUT') return 'CreateBucket';
  if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
  return `${verb}Bucket`;
}

function s3MultipartOperation({ method }: RequestHead, query: URLSearchParams): string {
  if (method === 'PUT') return 'UploadPart';
  if (method === 'POST') return 'CompleteMultipartUpload';
  if (method === 'DELETE') return 'AbortMultipartUpload';
  return query.has('partNumber') ? 'GetObject' : 'ListParts';
}
