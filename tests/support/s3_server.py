#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S3 as it is documented, on loopback, and as it fails.  It keeps everything in memory and verifies no signature: radosgw does.

  s3_server.py DIR

Listens on a free port of 127.0.0.1 and writes it to DIR/port, and each request as "METHOD PATH?QUERY" to DIR/requests.  The
bucket is called "uploads".  Before each request it looks for
  DIR/fill   what the bucket holds from now on, and the file is removed: a line for each entry, with tabs:
             KEY [marker|upload] [until=TIME] [governance] [hold] [id=VERSION] [wild=TEXT: what it says of its lock]
  DIR/fault  the name of a fault, or nothing; "NAME N" lets N requests pass first
  DIR/page   entries of one page (1000)
After each request DIR/state has what is left, "KEY ID", a line each.
"""
import base64, datetime, hashlib, os, re, socket, struct, sys, threading, time
import xml.etree.ElementTree as tree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

directory = sys.argv[1]
lock = threading.Lock()
entries = []    # of the bucket, in the order of a listing
made = 0


def read(name):
    try:
        with open(os.path.join(directory, name)) as file:
            return file.read()
    except FileNotFoundError:
        return ''


def write(name, text):
    path = os.path.join(directory, name)
    with open(path + '.new', 'w') as file:
        file.write(text)
    os.rename(path + '.new', path)


def fill():
    global made
    text = read('fill')
    if not text:
        return
    os.remove(os.path.join(directory, 'fill'))
    entries.clear()
    for line in text.splitlines():
        key, *words = line.split('\t')
        made += 1
        entry = {'key': re.sub(r'\\x(..)', lambda m: chr(int(m.group(1), 16)), key), 'id': 'v%06d' % made}
        for word in words:
            name, _, value = word.partition('=')
            entry[name] = value or True
        entries.append(entry)
    entries.sort(key=lambda e: (e['key'].encode(), e['id']))


class Refused(Exception):
    def __init__(self, status, code, more='', headers=()):
        super().__init__(code)
        self.status, self.code, self.more, self.headers = status, code, more, headers


def is_locked(entry):
    until = entry.get('until')
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return bool(entry.get('hold')) or (until is not None and until > now)


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self, status, body='', headers=()):
        text = body.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(text)))
        if text:
            self.send_header('Content-Type', 'application/xml')
        self.end_headers()
        self.wfile.write(text)

    def raw(self, text):
        self.wfile.write(text)
        self.wfile.flush()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.close_connection = True

    # -- what S3 does ----------------------------------------------------------------------------------------------------

    def listing(self, query, fault):
        of_uploads = 'uploads' in query
        prefix, marker = query.get('prefix', [''])[0], query.get('key-marker', [''])[0]
        id_marker = query.get('upload-id-marker' if of_uploads else 'version-id-marker', [''])[0]
        root, next_id = (('ListMultipartUploadsResult', 'NextUploadIdMarker') if of_uploads
                         else ('ListVersionsResult', 'NextVersionIdMarker'))
        size = int(read('page') or 1000)
        found = [e for e in entries if e['key'].startswith(prefix) and bool(e.get('upload')) == of_uploads and
                 (not marker or (e['key'].encode(), e['id']) > (marker.encode(), id_marker or '~'))]
        page, more = found[:size], len(found) > size
        out = ['<?xml version="1.0" encoding="UTF-8"?>']
        if fault == 'doctype':
            out.append('<!DOCTYPE x [<!ENTITY a "aaaa">]>')
        if fault == 'other_root':
            root = 'ListBucketResult'
        if fault == 'other_prefix':
            prefix, page, more = 'elsewhere/', [], False
        out.append('<%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>' % root)
        out.append('<%s>%s</%s>' % (('Bucket', 'uploads', 'Bucket') if of_uploads else ('Name', 'uploads', 'Name')))
        out.append('<Prefix>%s</Prefix>' % quote(prefix, safe=''))
        if fault == 'outside':
            page = page + [{'key': 't/k1/x', 'id': 'v1'}] if prefix != 't/' else page + [{'key': 'u/x', 'id': 'v1'}]
        for entry in page:
            name = 'Upload' if of_uploads else 'DeleteMarker' if entry.get('marker') else 'Version'
            ident = 'UploadId' if of_uploads else 'VersionId'
            told = '' if fault == 'no_id' else '<%s>%s</%s>' % (ident, escape(entry['id']), ident)
            out.append('<%s><Key>%s</Key>%s<Size>3</Size><Owner><ID>o</ID></Owner></%s>' %
                       (name, quote(entry['key'], safe=''), told, name))
        if fault in ('same_marker', 'circle', 'backwards'):
            more = True
            last = {'key': prefix + {'same_marker': 'a', 'circle': 'a', 'backwards': 'b' if not marker else 'a'}[fault],
                    'id': {'circle': '2' if id_marker == '1' else '1'}.get(fault, '1')}
        else:
            last = page[-1] if page else None
        if fault != 'not_complete':
            out.append('<IsTruncated>%s</IsTruncated>' % ('true' if more or fault == 'no_marker' else 'false'))
        if more and fault != 'no_marker':
            out.append('<NextKeyMarker>%s</NextKeyMarker><%s>%s</%s>' % (quote(last['key'], safe=''), next_id, last['id'], next_id))
        out.append('</%s>' % root)
        self.answer(200, ''.join(out))

    def find(self, key, ident):
        return next((e for e in entries if e['key'] == key and e['id'] == ident), None)

    def delete(self, key, ident):
        entry = self.find(key, ident)
        if entry is None:
            return
        if is_locked(entry) or entry.get('refused'):
            raise Refused(403, 'AccessDenied')
        entries.remove(entry)

    def delete_many(self, body, fault):
        if base64.b64encode(hashlib.md5(body).digest()).decode() != self.headers.get('Content-MD5'):
            raise Refused(400, 'BadDigest')
        if fault == 'delete_error_inside':
            raise Refused(200, 'InternalError')
        errors = []
        wanted = [(o.find('{*}Key').text, o.find('{*}VersionId').text) for o in tree.fromstring(body).iter() if o.tag.endswith('}Object')]
        if len(wanted) > 1000:
            raise Refused(400, 'MalformedXML')
        for key, ident in wanted if fault != 'delete_lies' else ():
            try:
                self.delete(key, ident)
            except Refused as refused:
                errors.append((key, ident, refused.code))
        if fault == 'delete_strange_error':
            errors.append(('t/k1/secret', 'v0', 'AccessDenied'))
        if fault == 'delete_lost_answer':
            return self.reset()
        self.answer(200, '<DeleteResult>%s</DeleteResult>' % ''.join(
            '<Error><Key>%s</Key><VersionId>%s</VersionId><Code>%s</Code><Message>of %s</Message></Error>' % (escape(k), i, c, escape(k))
            for k, i, c in errors))

    def lock_of(self, key, query, fault):
        entry = self.find(key, query['versionId'][0])
        if fault == 'lock_refused':
            raise Refused(403, 'AccessDenied')
        if entry is None:
            raise Refused(404, 'NoSuchVersion')
        if 'retention' in query:
            if 'until' not in entry:
                raise Refused(404, 'NoSuchObjectLockConfiguration')
            return self.answer(200, '<Retention><Mode>%s</Mode><RetainUntilDate>%s</RetainUntilDate></Retention>' % (
                'GOVERNANCE' if entry.get('governance') else 'COMPLIANCE', 'soon' if fault == 'lock_nonsense' else entry['until']))
        if not entry.get('hold'):
            raise Refused(404, 'NoSuchObjectLockConfiguration')
        self.answer(200, '<LegalHold><Status>ON</Status></LegalHold>')

    def add(self, entry):
        global made
        made += 1
        entries.append({'id': 'v%06d' % (999999 - made), **entry}) # the newest first
        entries.sort(key=lambda e: (e['key'].encode(), e['id']))

    def object(self, key, query, body, fault):
        if self.headers.get('x-amz-content-sha256') != hashlib.sha256(body).hexdigest():
            raise Refused(400, 'XAmzContentSHA256Mismatch')
        upload = self.find(key, query['uploadId'][0]) if 'uploadId' in query else None
        if self.command == 'GET':
            return self.get(key, fault)
        if 'uploads' in query:
            self.add({'key': key, 'upload': True, 'parts': {}})
            return self.answer(200, '<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>' %
                               next(e['id'] for e in entries if e['key'] == key and e.get('upload')))
        if 'uploadId' in query and upload is None:
            raise Refused(404, 'NoSuchUpload')
        if 'partNumber' in query:
            number = int(query['partNumber'][0])
            if fault == 'part_refused' and number > 1:
                raise Refused(403, 'AccessDenied')
            upload['parts'][number] = body
            return self.answer(200, headers=[('ETag', '"%s"' % hashlib.md5(body).hexdigest())])
        if self.command == 'POST':
            if fault == 'complete_error_inside':
                raise Refused(200, 'InternalError')
            told = [(int(p.find('{*}PartNumber').text), p.find('{*}ETag').text) for p in tree.fromstring(body)]
            if told != [(n, '"%s"' % hashlib.md5(upload['parts'][n]).hexdigest()) for n in sorted(upload['parts'])]:
                raise Refused(400, 'InvalidPart')
            entries.remove(upload)
            self.add({'key': key, 'data': b''.join(upload['parts'][n] for n in sorted(upload['parts']))})
            return self.answer(200, '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
        self.add({'key': key, 'data': body})
        self.answer(200, headers=[('ETag', '"x"')])

    def get(self, key, fault):
        entry = next((e for e in entries if e['key'] == key and not e.get('upload')), None)
        if entry is None or entry.get('marker') or 'data' not in entry:
            raise Refused(404, 'NoSuchKey')
        first, last = map(int, re.fullmatch(r'bytes=(\d+)-(\d+)', self.headers['Range']).groups())
        data = entry['data'][first:last + 1]
        if not data:
            raise Refused(416, 'InvalidRange')
        if fault == 'rotten':
            data = bytes([data[0] ^ 1]) + data[1:]
        if fault == 'short':
            data = data[:-1]
        self.send_response(206)
        self.send_header('Content-Length', str(len(data)))
        self.send_header('Content-Range', 'bytes %d-%d/%d' % (first, first + len(data) - 1, len(entry['data'])))
        self.end_headers()
        self.wfile.write(data)

    def act(self, key, query, body, fault):
        if not self.headers.get('Authorization', '').startswith('AWS4-HMAC-SHA256 Credential='):
            raise Refused(403, 'AccessDenied')
        if not key and ('versions' in query or 'uploads' in query):
            return self.listing(query, fault)
        if not key and self.command == 'POST' and 'delete' in query:
            return self.delete_many(body, fault)
        if not key and 'object-lock' in query:
            if not any('until' in e or 'hold' in e for e in entries):
                raise Refused(404, 'ObjectLockConfigurationNotFoundError')
            return self.answer(200, '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>')
        if not key and 'versioning' in query:
            return self.answer(200, '<VersioningConfiguration><Status>Enabled</Status>%s</VersioningConfiguration>' %
                               ('<MfaDelete>Enabled</MfaDelete>' if fault == 'mfa' else ''))
        if not key and 'replication' in query:
            if fault != 'replicated':
                raise Refused(404, 'ReplicationConfigurationNotFoundError')
            return self.answer(200, '<ReplicationConfiguration><Rule><ID>r</ID></Rule></ReplicationConfiguration>')
        if key and ('retention' in query or 'legal-hold' in query):
            return self.lock_of(key, query, fault)
        if key and self.command in ('PUT', 'GET', 'POST'):
            return self.object(key, query, body, fault)
        if key and self.command == 'DELETE':
            self.delete(key, (query.get('versionId') or query['uploadId'])[0])
            return self.answer(204)
        raise Refused(501, 'NotImplemented')

    # -- what it does instead --------------------------------------------------------------------------------------------

    def misbehave(self, fault, query):
        deletes = 'delete' in query
        name, _, place = fault.rpartition('@')
        fault = name or fault
        if place and name and not {'uploads': 'uploads' in query, 'delete': deletes, 'put': self.command == 'PUT', 'get': bool(self.headers.get('Range'))}[place]:
            return False
        head = b'HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n'
        self.close_connection = True
        if fault == 'timeout':
            time.sleep(5)
        elif fault == 'reset':
            self.reset()
        elif fault == 'no_answer':
            pass
        elif fault == 'half_body':
            self.raw(head + b'Content-Length: 1000\r\n\r\n<ListVersionsResult>')
        elif fault == 'half_xml':
            self.raw(head + b'Content-Length: 21\r\n\r\n<ListVersionsResult>\n')
        elif fault == 'garbage':
            self.raw(b'\0\1\2 this is no HTTP\r\n\r\n')
        elif fault == 'no_xml':
            self.raw(head + b'Content-Length: 9\r\n\r\nall good!')
        elif fault == 'empty':
            self.raw(head + b'Content-Length: 0\r\n\r\n')
        elif fault == 'too_large':
            self.raw(head + b'Content-Length: 10737418240\r\n\r\n')
        elif fault == 'error_inside':
            raise Refused(200, 'InternalError')
        elif fault == 'busy':
            raise Refused(503, 'SlowDown', headers=[('Retry-After', '7200')])
        elif fault == 'busy_for_a_moment':
            self.close_connection = False
            if not self.server.moment:
                self.server.moment = True
                raise Refused(503, 'SlowDown', headers=[('Retry-After', '1')])
            return False
        elif fault == 'broken':
            raise Refused(500, 'InternalError')
        elif fault == 'forbidden':
            raise Refused(403, 'AccessDenied')
        elif fault == 'signature':
            raise Refused(403, 'SignatureDoesNotMatch')
        elif fault == 'stranger':
            raise Refused(403, 'InvalidAccessKeyId')
        elif fault == 'clock':
            raise Refused(403, 'RequestTimeTooSkewed')
        elif fault == 'no_bucket':
            raise Refused(404, 'NoSuchBucket')
        elif fault == 'moved':
            raise Refused(301, 'PermanentRedirect', headers=[('x-amz-bucket-region', 'eu-west-1'), ('Location', 'http://127.0.0.1:1/')])
        elif fault == 'moved_for_a_while':
            raise Refused(307, 'TemporaryRedirect', headers=[('Location', 'http://127.0.0.1:%d/other' % self.server.server_port)])
        elif fault == 'other_region':
            raise Refused(400, 'AuthorizationHeaderMalformed', '<Region>eu-west-1</Region>')
        elif fault == 'html':
            self.answer(502, '<html><body>Bad Gateway t/e1/x</body>', [('Retry-After', '60')])
        else:
            self.close_connection = False
            return False
        return True

    def serve(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        key = unquote(url.path[1:]).partition('/')[2]
        with lock:
            fill()
            with open(os.path.join(directory, 'requests'), 'a') as file:
                file.write('%s %s\n' % (self.command, self.path))
            fault = read('fault').strip()
        try:
            if not self.misbehave(fault, query):
                with lock:
                    self.act(key, query, body, fault)
        except Refused as refused:
            self.answer(refused.status, '<Error><Code>%s</Code><Message>about %s</Message><Key>%s</Key>%s</Error>' % (
                refused.code, escape(key), escape(key), refused.more), refused.headers)
        with lock:
            write('state', ''.join('%s %s\n' % (repr(e['key'])[1:-1], e['id']) for e in entries))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = serve


class Server(ThreadingHTTPServer):
    # A connection that is to be reset must not be ended politely.
    def shutdown_request(self, request):
        self.close_request(request)

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


server = Server(('127.0.0.1', 0), Handler)
server.daemon_threads = True
server.moment = False
write('port', str(server.server_port))
server.serve_forever()
