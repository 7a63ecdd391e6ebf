"""S3."""

import base64
import hashlib

from moto.core.responses import ActionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response
from werkzeug.datastructures import Headers

SHA256 = "x-amz-checksum-sha256"
ALGORITHM = "x-amz-sdk-checksum-algorithm"


def checked_sha256():
    """PutObject ChecksumSHA256: stock moto accepts a wrong one."""
    stock = S3Response._get_checksum

    def get_checksum(self, response_headers):
        said = self.headers.get(SHA256)
        if not said:
            return stock(self, response_headers)
        body = self.body or b""
        actual = base64.b64encode(hashlib.sha256(body.encode() if isinstance(body, str) else body).digest()).decode()
        if said != actual:
            raise S3ClientError("BadDigest", "The SHA256 you specified did not match the calculated checksum.")
        response_headers[SHA256] = said
        return "SHA256", said

    S3Response._get_checksum = get_checksum


def checksum_says_its_algorithm():
    """PutObject under default retention: stock moto wants a header with its algorithm beside the checksum."""
    stock = S3Response._key_response_put

    def key_response_put(self, query, key_name):
        if self.headers.get(SHA256) and not self.headers.get(ALGORITHM):
            self.headers = Headers(self.headers)
            self.headers[ALGORITHM] = "SHA256"
        return stock(self, query, key_name)

    S3Response._key_response_put = key_response_put


def object_retention():
    """GetObjectRetention: stock moto answers the object itself."""
    stock = S3Response._key_response_get

    def key_response_get(self, query, key_name):
        if "retention" not in query:
            return stock(self, query, key_name)
        key, _ = self._get_key()
        if not key.lock_mode:
            text = "The specified object does not have a ObjectLock configuration"
            raise S3ClientError("NoSuchObjectLockConfiguration", text)
        self.data["Action"] = "GetObjectRetention"
        retention = {"Mode": key.lock_mode, "RetainUntilDate": key.lock_until}
        return self.serialized(ActionResult({"Retention": retention}))

    S3Response._key_response_get = key_response_get


MENDS = [checked_sha256, checksum_says_its_algorithm, object_retention]
