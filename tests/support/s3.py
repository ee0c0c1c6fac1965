#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small S3 client for the tests, with AWS's signature version 4 (docs.aws.amazon.com, "Signature Version 4").

  s3.py ENDPOINT ACCESS SECRET METHOD PATH[?QUERY] [BODY] ["Header: value" ...]    one request; prints the answer
  s3.py ENDPOINT ACCESS SECRET put BUCKET KEY...                                    an object of each name, a line each
  s3.py ENDPOINT ACCESS SECRET versions BUCKET                                      all that is there, "key version" a line
  s3.py ENDPOINT ACCESS SECRET uploads BUCKET

Names are taken as they are; "\\x01" in them stands for that byte.  Exit status 1: the answer was no 2xx.
"""
import base64, datetime, hashlib, hmac, http.client, re, sys
import xml.etree.ElementTree as tree
from urllib.parse import parse_qsl, quote, unquote_plus, urlsplit

endpoint, access, secret = sys.argv[1:4]
host = urlsplit(endpoint).netloc
connection = http.client.HTTPConnection(host, timeout=60)


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def request(method, path, query=(), body=b'', headers=()):
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    digest = hashlib.sha256(body).hexdigest()
    path = quote(path, safe='/-_.~')
    query = '&'.join('%s=%s' % (quote(k, safe='-_.~'), quote(v, safe='-_.~')) for k, v in sorted(query))
    sent = {'host': host, 'x-amz-content-sha256': digest, 'x-amz-date': now}
    sent.update({name.lower(): value.strip() for name, _, value in (h.partition(':') for h in headers)})
    if body:
        sent['content-md5'] = base64.b64encode(hashlib.md5(body).digest()).decode()
    names = ';'.join(sorted(sent))
    canonical = '\n'.join([method, path, query] + ['%s:%s' % (n, sent[n]) for n in sorted(sent)] + ['', names, digest])
    scope = '%s/us-east-1/s3/aws4_request' % now[:8]
    text = 'AWS4-HMAC-SHA256\n%s\n%s\n%s' % (now, scope, hashlib.sha256(canonical.encode()).hexdigest())
    key = ('AWS4' + secret).encode()
    for part in scope.split('/'):
        key = sign(key, part)
    sent['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
        access, scope, names, sign(key, text).hex())
    connection.request(method, path + ('?' + query if query else ''), body=body or None, headers=sent)
    answer = connection.getresponse()
    return answer.status, answer.read()


def local(element):
    return element.tag.rpartition('}')[2]


def text_of(element, name):
    return next((child.text or '' for child in element if local(child) == name), '')


def listing(bucket, what, marker):
    entries, markers = [], []
    while True:
        status, body = request('GET', '/' + bucket, [(what, ''), ('encoding-type', 'url')] + markers)
        if status != 200:
            sys.exit(body.decode())
        root = tree.fromstring(body)
        for entry in root:
            if local(entry) in ('Version', 'DeleteMarker', 'Upload'):
                entries.append((unquote_plus(text_of(entry, 'Key')),
                                text_of(entry, 'UploadId') or text_of(entry, 'VersionId'), local(entry)))
        if text_of(root, 'IsTruncated') != 'true':
            return entries
        markers = [('key-marker', unquote_plus(text_of(root, 'NextKeyMarker'))), (marker, text_of(root, 'Next' + marker.title().replace('-', '')))]


def plain(name):
    return re.sub(r'\\x([0-9a-f]{2})', lambda m: chr(int(m.group(1), 16)), name)


verb, rest = sys.argv[4], sys.argv[5:]
if verb == 'put':
    for name in rest[1:]:
        status, body = request('PUT', '/%s/%s' % (rest[0], plain(name)), body=('of ' + name).encode())
        if status != 200:
            sys.exit('%s: %d %s' % (name, status, body.decode()))
elif verb in ('versions', 'uploads'):
    for key, version, kind in listing(rest[0], verb, {'versions': 'version-id-marker', 'uploads': 'upload-id-marker'}[verb]):
        print(repr(key)[1:-1], version, kind)
else:
    url = urlsplit(rest[0])
    status, body = request(verb, plain(url.path), parse_qsl(url.query, keep_blank_values=True),
                           rest[1].encode() if len(rest) > 1 else b'', rest[2:])
    print(body.decode(errors='replace'))
    sys.exit(0 if 200 <= status < 300 else 1)
