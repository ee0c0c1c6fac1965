# SPDX-License-Identifier: Apache-2.0
"""lane.py -- a database in which one trial after the other runs, with an installation of expunge that is put back to what
"expunge init" left behind: most trials start from a copy of it."""

import json
import os
import shutil
import threading

import emit
import pq

RELATIONS = "select relname::text from pg_class where relnamespace = (select oid from pg_namespace where nspname = 'expunge') order by 1"


INIT = threading.Lock()  # the roles belong to the whole cluster


class Lane:
    def __init__(self, conninfo, number, place):
        self.name = "property_%d_%d" % (os.getpid(), number)
        self.home = place / ("expunge-%s" % self.name)
        self.admin = conninfo + " dbname=postgres"
        self.conninfo = conninfo + " dbname=" + self.name
        admin = pq.Connection(self.admin)
        admin.run('create database "%s"' % self.name)
        admin.close()
        self.connection = pq.Connection(self.conninfo)
        self.run("set client_min_messages = error")
        self.run(emit.TEMPLATE)
        self.saved = None  # {table: rows as json} and the names of all relations, as init left them

    def run(self, text):
        return self.connection.run(text)

    def close(self):
        self.connection.close()
        shutil.rmtree(self.home, ignore_errors=True)
        admin = pq.Connection(self.admin)
        admin.run('drop database if exists "%s" with (force)' % self.name)
        admin.close()

    # ---- the installation -------------------------------------------------------------------------------------------

    def save(self, state):
        """What "expunge init" made is what later trials begin with."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(state, self.home)
        tables = self.run("select c.relname::text from pg_class c where c.relkind = 'r' and c.relnamespace = 'expunge'::regnamespace")[0]
        rows = {t: self.run("select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text from expunge.%s t" % t)[0][0] for t in tables}
        self.saved = (rows, self.run(RELATIONS))

    def put_back(self, state):
        """True: the installation is as init left it, and its files are in the directory."""
        if self.saved is None:
            return False
        rows, relations = self.saved
        if self.run(RELATIONS) != relations:
            self.forget()
            return False
        script = ["truncate %s restart identity" % ", ".join("expunge." + t for t in rows)]
        script += ["insert into expunge.%s overriding system value select * from jsonb_populate_recordset(null::expunge.%s, %s)" % (t, t, emit.literal(text))
                   for t, text in rows.items() if json.loads(text)]
        self.run(";".join(script))
        shutil.copytree(self.home, state)
        return True

    def forget(self):
        """The next trial installs anew."""
        self.saved = None
        self.run("drop schema if exists expunge cascade")
