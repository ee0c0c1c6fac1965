-- SPDX-License-Identifier: Apache-2.0
-- $1 kind, $2 key; columns: item, id, disposal, state, ground, immediate, since, until, waits for, plan digest
  select s.item, s.id, s.disposal, s.state, s.ground, s.immediate, (extract(epoch from s.since) * 1000000)::bigint,
         (extract(epoch from nullif(s.until, 'infinity'::timestamptz)) * 1000000)::bigint, s.waits_for, s.plan_digest
    from expunge.subject_status($1::text, $2::text) s
