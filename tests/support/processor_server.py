#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Vendors as they document themselves, on loopback, and as they fail.

  processor_server.py DIR CERTIFICATE KEY

Listens on a free port of 127.0.0.1 with TLS, writes it to DIR/port, and each request as a line of JSON to DIR/requests.
DIR/fault holds the name of a fault, or nothing: it is read again with each connection.  DIR/secrets holds the credentials:
"vendor secret" a line.  The paths begin with the vendor's name.
"""
import base64, email.utils, hashlib, hmac, json, os, re, socket, ssl, struct, sys, threading, time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit

directory, certificate, key = sys.argv[1:4]
lock = threading.Lock()
jobs = {}        # Stripe's, by id: status
by_key = {}      # what an idempotency key was answered
seen = {}        # webhook-id → times


def read(name):
    try:
        with open(os.path.join(directory, name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ''


def secret(vendor):
    return dict(line.split(' ', 1) for line in read('secrets').splitlines()).get(vendor)


class Refused(Exception):
    pass


def stripe(handler, path, body):
    handler.need('Authorization', 'Bearer ' + secret('stripe'))
    idempotency = handler.headers.get('Idempotency-Key')
    if handler.command == 'POST' and not idempotency:
        raise Refused(400)
    if idempotency in by_key:
        return 200, by_key[idempotency]
    match = re.fullmatch(r'/v1/privacy/redaction_jobs(?:/(rj_\w+))?(/run)?', path)
    job = match.group(1)
    if handler.command == 'POST' and job is None:
        customers = parse_qs(body).get('objects[customers][]', [])
        if len(customers) != 1 or not customers[0].startswith('cus_'):
            raise Refused(400)
        job = 'rj_%d' % (len(jobs) + 1)
        jobs[job] = 'validating'
    elif job not in jobs:
        raise Refused(404)
    elif handler.command == 'POST':
        if jobs[job] != 'ready':
            raise Refused(400)
        jobs[job] = 'redacting'
    else: # each look finds it further on
        told = jobs[job]
        jobs[job] = {'validating': 'ready', 'redacting': 'succeeded'}.get(told, told)
        if read('fault') == 'job_failed':
            told = jobs[job] = 'failed'
        return 200, {'id': job, 'object': 'privacy.redaction_job', 'status': told}
    answer = {'id': job, 'object': 'privacy.redaction_job', 'status': jobs[job]}
    by_key[idempotency] = answer
    return 200, answer


def mailchimp(handler, path, body):
    handler.need('Authorization', 'Bearer ' + secret('mailchimp'))
    if handler.command != 'POST' or not re.fullmatch(r'/3\.0/lists/LIST/members/[0-9a-f]{32}/actions/delete-permanent', path):
        raise Refused(404)
    return 204, None


def zoho(handler, path, body):
    handler.need('Authorization', 'Zoho-oauthtoken ' + secret('zoho'))
    ids = parse_qs(urlsplit(handler.path).query).get('ids', [])
    if handler.command != 'DELETE' or path != '/crm/v6/Contacts' or len(ids) != 1:
        raise Refused(404)
    code = 'INVALID_DATA' if read('fault') == 'error_inside' else 'SUCCESS'
    return 200, {'data': [{'code': code, 'details': {'id': ids[0]}, 'message': 'record deleted', 'status': 'success'}]}


def firebase(handler, path, body):
    handler.need('Authorization', 'Bearer ' + secret('firebase'))
    if handler.command != 'DELETE' or not re.fullmatch(r'/v1/project/PROJECT/instanceId/[\w%-]+', path):
        raise Refused(404)
    return 200, {}


def analytics(handler, path, body):
    handler.need('Authorization', 'Bearer ' + secret('analytics'))
    if handler.command != 'POST' or path != '/analytics/v3/userDeletion/userDeletionRequests:upsert':
        raise Refused(404)
    asked = json.loads(body)
    answer = {**asked, 'deletionRequestTime': '2026-01-31T12:00:00.000Z'}
    fault = read('fault')
    if fault == 'no_receipt':
        del answer['deletionRequestTime']
    elif fault == 'wild_receipt':
        answer['deletionRequestTime'] = 'yes, we did it: <b>thanks</b>'
    elif fault == 'long_receipt':
        answer['deletionRequestTime'] = 'x' * 5000
    elif fault == 'telling_receipt':
        answer['deletionRequestTime'] = 'deleted-' + asked['id']['userId']
    return 200, answer


def webhook(handler, path, body):
    signature = handler.headers['webhook-signature']
    message = '%s.%s.%s' % (handler.headers['webhook-id'], handler.headers['webhook-timestamp'], body)
    if abs(time.time() - int(handler.headers['webhook-timestamp'])) > 300:
        raise Refused(400)
    if signature.startswith('v1,'):
        shared = base64.b64decode(secret('webhook')[len('whsec_'):])
        wanted = 'v1,' + base64.b64encode(hmac.new(shared, message.encode(), hashlib.sha256).digest()).decode()
        if signature != wanted:
            raise Refused(401)
    else: # Ed25519 is checked by openssl
        with open(os.path.join(directory, 'signed'), 'w') as file:
            file.write(message)
        with open(os.path.join(directory, 'signature'), 'wb') as file:
            file.write(base64.b64decode(signature[len('v1a,'):]))
    json.loads(body)
    seen[handler.headers['webhook-id']] = seen.get(handler.headers['webhook-id'], 0) + 1
    return 204, None


vendors = {v.__name__: v for v in (stripe, mailchimp, zoho, firebase, analytics, webhook)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *arguments):
        pass

    def need(self, name, value):
        if self.headers.get(name) != value:
            raise Refused(401)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.close_connection = True

    def raw(self, text):
        self.wfile.write(text if isinstance(text, bytes) else text.encode())
        self.wfile.flush()

    def answer(self, status, body, headers=()):
        text = b'' if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.raw(text)

    # Faults in place of an answer; true: done with it.
    def misbehave(self, fault):
        self.close_connection = True
        head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
        if fault == 'timeout':
            time.sleep(60)
        elif fault == 'slow_loris':
            for letter in head * 50:
                self.raw(letter)
                time.sleep(0.3)
        elif fault == 'reset':
            self.reset()
        elif fault == 'no_answer':
            pass
        elif fault == 'half_body':
            self.raw(head + 'Content-Length: 1000\r\n\r\n{"id": ')
        elif fault == 'half_chunk':
            self.raw(head + 'Transfer-Encoding: chunked\r\n\r\n100\r\n{"id": ')
        elif fault == 'half_head':
            self.raw(head)
        elif fault == 'garbage':
            self.raw(b'\0\1\2\3 this is no HTTP\r\n\r\n')
        elif fault == 'too_many':
            self.answer(429, {'error': 'slow down'}, [('Retry-After', '7200')])
        elif fault == 'unavailable':
            later = email.utils.formatdate(time.time() + 7200, usegmt=True)
            self.answer(503, {'error': 'maintenance'}, [('Retry-After', later)])
        elif fault == 'retry_after_nonsense':
            self.answer(503, {'error': 'maintenance'}, [('Retry-After', 'soon')])
        elif fault == 'retry_after_ages':
            self.answer(503, {'error': 'maintenance'}, [('Retry-After', '99999999999')])
        elif fault == 'broken':
            self.answer(500, {'error': 'oops'})
        elif fault == 'forbidden':
            self.answer(403, {'error': 'quota'})
        elif fault == 'missing':
            self.answer(404, {'error': 'never heard of it'})
        elif fault == 'moved':
            self.answer(301, None, [('Location', 'https://localhost:%d/elsewhere' % port)])
        elif fault == 'moved_with_method':
            self.answer(307, None, [('Location', 'https://127.0.0.1:%d%s' % (port, self.path))])
        elif fault == 'no_json':
            self.raw(head + 'Content-Length: 9\r\n\r\n<h1>no</h')
        elif fault == 'empty':
            self.raw(head + 'Content-Length: 0\r\n\r\n')
        elif fault == 'doubled_names':
            text = '{"data":[{"code":"INVALID_DATA","code":"SUCCESS"}]}'
            self.raw(head + 'Content-Length: %d\r\n\r\n%s' % (len(text), text))
        elif fault == 'ten_gigabytes':
            self.raw(head + 'Content-Length: 10737418240\r\n\r\n')
            self.flood()
        elif fault == 'endless':
            self.raw(head + '\r\n')
            self.flood()
        elif fault == 'large_headers':
            for _ in range(100):
                self.raw(head if _ == 0 else 'X-Fill: ' + 'x' * 4000 + '\r\n')
            self.raw('Content-Length: 2\r\n\r\n{}')
        else:
            self.close_connection = False
            return False
        return True

    def flood(self):
        sent, piece = 0, b' ' * 65536
        try:
            while sent < 10 << 30:
                self.raw(piece)
                sent += len(piece)
        finally:
            with open(os.path.join(directory, 'flooded'), 'w') as file:
                file.write(str(sent))

    def serve(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)).decode()
        fault = read('fault')
        vendor, _, path = urlsplit(self.path).path[1:].partition('/')
        with lock:
            with open(os.path.join(directory, 'requests'), 'a') as file:
                file.write(json.dumps({'method': self.command, 'path': self.path, 'headers': dict(self.headers),
                                       'body': body, 'fault': fault}) + '\n')
        if self.misbehave(fault):
            return
        with lock:
            try:
                status, answer = vendors[vendor](self, '/' + path, body)
            except Refused as refused:
                status, answer = refused.args[0], {'error': 'refused'}
            except Exception as wrong: # a mistake of the test: told, so that it is found
                status, answer = 599, {'error': repr(wrong)}
                print('processor_server:', repr(wrong), file=sys.stderr, flush=True)
        if fault == 'lost_answer': # it did what it was asked, and nobody hears of it
            self.reset()
        else:
            self.answer(status, answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    fault = read('fault')
    name = {'expired': 'expired', 'stranger': 'stranger', 'other_name': 'other'}.get(fault)
    if name:
        context.load_cert_chain(os.path.join(directory, name + '.pem'), os.path.join(directory, name + '.key'))
    else:
        context.load_cert_chain(certificate, key)
    if fault == 'old_tls':
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers('ALL:@SECLEVEL=0')
    return context


def connection(client):
    fault = read('fault')
    try:
        client.settimeout(100)
        if fault == 'reset_at_once':
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        elif fault == 'no_tls':
            client.recv(65536)
            client.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
        else:
            wrapped = tls().wrap_socket(client, server_side=True)
            Handler(wrapped, ('127.0.0.1', 0), None)
            wrapped.close()
    except (OSError, ssl.SSLError, ValueError):
        pass
    finally:
        client.close()


listener = socket.create_server(('127.0.0.1', 0), backlog=32)
port = listener.getsockname()[1]
with open(os.path.join(directory, 'port.new'), 'w') as file:
    file.write(str(port))
os.rename(os.path.join(directory, 'port.new'), os.path.join(directory, 'port'))
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=connection, args=(accepted,), daemon=True).start()
