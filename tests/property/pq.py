# SPDX-License-Identifier: Apache-2.0
"""pq.py -- a connection that stays, over libpq: a new psql for each statement took most of a trial's time."""

import ctypes
import ctypes.util

COMMAND_OK, TUPLES_OK, COPY_OUT, EMPTY = 1, 2, 3, 0

lib = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
for name, result, arguments in (
        ("PQconnectdb", ctypes.c_void_p, [ctypes.c_char_p]), ("PQfinish", None, [ctypes.c_void_p]), ("PQstatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQsendQuery", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]), ("PQgetResult", ctypes.c_void_p, [ctypes.c_void_p]),
        ("PQresultStatus", ctypes.c_int, [ctypes.c_void_p]), ("PQclear", None, [ctypes.c_void_p]), ("PQfreemem", None, [ctypes.c_void_p]),
        ("PQgetCopyData", ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]),
        ("PQerrorMessage", ctypes.c_char_p, [ctypes.c_void_p]), ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
        ("PQgetvalue", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int])):
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments


class Failed(Exception):
    pass


class Connection:
    def __init__(self, conninfo):
        self.handle = lib.PQconnectdb(conninfo.encode())
        if lib.PQstatus(self.handle):
            raise Failed(lib.PQerrorMessage(self.handle).decode())

    def close(self):
        lib.PQfinish(self.handle)

    def run(self, text):
        """Statements, in one transaction.  For each that has rows: a list of lines, of COPY or of the first column."""
        if not lib.PQsendQuery(self.handle, text.encode()):
            raise Failed(lib.PQerrorMessage(self.handle).decode())
        found, error = [], None
        while True:
            result = lib.PQgetResult(self.handle)
            if not result:
                break
            status = lib.PQresultStatus(result)
            if status == COPY_OUT:
                found.append(self.copied())
            elif status == TUPLES_OK:
                found.append([lib.PQgetvalue(result, row, 0).decode() for row in range(lib.PQntuples(result))])
            elif status not in (COMMAND_OK, EMPTY):
                error = lib.PQerrorMessage(self.handle).decode()
            lib.PQclear(result)
        if error:
            raise Failed(error.strip())
        return found

    def copied(self):
        lines, buffer = [], ctypes.c_void_p()
        while True:
            size = lib.PQgetCopyData(self.handle, ctypes.byref(buffer), 0)
            if size < 0:
                return lines
            lines.append(ctypes.string_at(buffer, size).decode()[:-1])
            lib.PQfreemem(buffer)
