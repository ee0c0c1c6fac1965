-- SPDX-License-Identifier: Apache-2.0
-- $1 kind, $2 key; columns: id, type, until.  The newest hold that is in force
  select h.id, h.type, (extract(epoch from h.expires_at) * 1000000)::bigint
    from expunge.hold h
   where h.kind = $1::text
     and h.subject_key = $2::text
     and h.released_at is null
     and (h.expires_at is null or h.expires_at > clock_timestamp())
   order by h.id desc
   limit 1
