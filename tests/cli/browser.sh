#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# browser.sh -- the report and a certificate as pages, in headless Chromium: on a phone, a tablet and a desk, in the light
# and in the dark, on paper, and as a screen reader is told of them.  No request leaves a page, hostile names are text.
# EXPUNGE_PICTURES=DIR keeps the pictures and the PDF, to be looked at.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared
browser=$ROOT/tests/support/browser.py
pictures=${EXPUNGE_PICTURES:-$WORK/pictures}
command -v chromium >/dev/null || die 'chromium is not installed: scripts/install-deps.sh test'

# Names that want to be markup, a formula, or to turn the line around: class, purpose, basis and policy from the
# configuration, a table from the database.
small s
sql s "create table app.\"<b onload=alert(1)>\"\"&'x\" (id bigint primary key, customer_id text references app.customer);
       create index on app.\"<b onload=alert(1)>\"\"&'x\" (customer_id);
       insert into app.\"<b onload=alert(1)>\"\"&'x\" select row_number() over (), id from app.customer"
small_house home s
sed -i -e "s|class = \"visits\"|class = \"</td><script>document.title='ran'</script>\"|" -e 's|purpose = "count visits"|purpose = "=HYPERLINK(\\"http://x.invalid\\") \& שלום עולם \xe2\x80\xae Grüße"|' \
    -e 's|class = "events"|class = "<img src=http://x.invalid/y onerror=alert(1)>"|' "$CONF"
x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
x run --jobs 1 >"$WORK/run" 2>&1 || die "run: $(cat "$WORK/run")"

# A past, so that the charts have something to draw: erasures over ten weeks, one of them late, one still overdue.
sql s "insert into expunge.disposal (kind, name, commitment, ground, state, as_of, ended_at, opened_at, erase_after, erased_at, cleared_at, configuration_digest)
       select 'customer', 'past', md5(n::text) || md5(n::text), 'contract_ended', 'cleared', at, at, at, at + interval '30 days', at + n * interval '33 hours', at + n * interval '34 hours', repeat('0', 64)
         from generate_series(1, 24) as n, lateral (select now() - interval '100 days' + n * interval '2 days') t(at);
       insert into expunge.disposal (kind, name, commitment, ground, state, as_of, ended_at, opened_at, erase_after, configuration_digest)
       values ('customer', 'overdue', repeat('ab', 32), 'contract_ended', 'archived', now() - interval '60 days', now() - interval '60 days', now() - interval '60 days', now() - interval '20 days', repeat('0', 64));
       insert into expunge.disposal_table (disposal, number, schema_name, table_name, action, rows_done)
       select id, 1, 'app', 'customer', 'delete', 10 * id from expunge.disposal where name = 'past';
       insert into expunge.hold (kind, subject_key, type, reason, expires_at) values ('customer', 'k1', 'legal', 'dispute', now() + interval '90 days')"
cleared=$(sql s "select 'eu-' || min(id) from expunge.disposal where kind = 'customer' and state = 'cleared' and name <> 'past'")

page() # NAME ARGUMENTS... → $WORK/NAME.html
{
    local name=$1
    shift
    run x "$@" --format html
    expect_equal "$name: a page comes out" '0 ' "$STATUS $(cat "$ERR")"
    cp "$OUT" "$WORK/$name.html"
    run python3 "$browser" parse "$WORK/$name.html"
    expect_equal "$name: well-formed; captions, scopes, titles and headings are there; nothing is loaded, linked or run" '0 ' "$STATUS $(cat "$OUT" "$ERR")"
}
page report report --from "$(sql s "select (now() - interval '100 days')::date")"
page certificate certificate "$cleared"

# The page is judged by a program that finds what is wrong.
broken() # NAME SED-EXPRESSION: the report, damaged, is not passed
{
    sed -E "$2" "$WORK/report.html" >"$WORK/broken.html"
    expect_true "$1: it is broken" test -n "$(cmp "$WORK/report.html" "$WORK/broken.html")"
    run python3 "$browser" parse "$WORK/broken.html"
    expect_true "$1: found" test "$STATUS" != 0
}
broken 'a script' 's|</main>|<script></script></main>|'
broken 'a cell too few' '0,/<td[^>]*>[^\n]*<\/td><\/tr>/s|<td[^>]*><bdi>[^<]*</bdi></td></tr>|</tr>|'
broken 'a link to elsewhere' 's|href="#main"|href="http://x.invalid"|'
broken 'a name that is markup' 's|&lt;script&gt;|<script>|'
broken 'a caption that is gone' 's|<caption>.*</caption>||'
broken 'a drawing without words' 's|<desc[^>]*>[^<]*</desc>||'

expect_match 'a hostile class is text' "$WORK/report.html" '&lt;/td&gt;&lt;script&gt;document.title=&#39;ran&#39;'
expect_match 'a hostile table is text' "$WORK/certificate.html" '<bdi>app.&lt;b onload=alert\(1\)&gt;&quot;&amp;&#39;x</bdi>'
expect_match 'a name from right to left keeps to itself' "$WORK/report.html" '<bdi>=HYPERLINK.*שלום עולם.*Grüße</bdi>'
for chart in 'Rows erased each week, by class of data' 'Time from request to erased, and to cleared' 'Age of the oldest overdue disposal'; do
    expect_match "a chart: $chart" "$WORK/report.html" "<figcaption><h3 id=\"c[0-9]+\">$chart</h3>"
done

judge() # NAME VIEW...: in these views, on paper, and with bait in it
{
    local name=$1
    shift
    run timeout 1200 python3 "$browser" check "$WORK/$name.html" "$pictures/$name" "$@"
    expect_equal "$name: in a browser nothing is wrong: width, contrast, names, requests, paper" '0 ' "$STATUS $(head -c 4000 "$OUT" "$ERR" | grep -v '^==>\|^$')"
    expect_json "$name: the browser saw text, tables and headings at every width, pages of paper, and the bait" t "$pictures/$name/seen.json" \
        "select bool_and((j ->> (v || ': texts'))::int > 30 and (j -> (v || ': accessible') ->> 'table')::int > 1 and (j -> (v || ': accessible') ->> 'heading')::int > 4)
                and (j ->> 'paper: pages')::int > 0 and (j ->> 'bait')::int >= 4
           from doc, unnest('{$(IFS=,; echo "$*")}'::text[]) as v group by j"
}
judge report phone phone-dark tablet desk desk-dark
expect_json 'the charts are images with names to a screen reader' t "$pictures/report/seen.json" "select (j #>> '{phone: accessible,image}')::int >= 5 from doc"
judge certificate phone desk-dark
done_testing
