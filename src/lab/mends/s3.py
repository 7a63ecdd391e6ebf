"""S3."""

import base64
import hashlib

from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

SHA256 = "x-amz-checksum-sha256"


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


MENDS = [checked_sha256]
