-- SPDX-License-Identifier: Apache-2.0
-- Holds in force whose key is none.  $1 kind, $2 type of its keys; columns: id
  select h.id
    from expunge.hold h
   where h.kind = $1::text
     and h.released_at is null
     and (h.expires_at is null or h.expires_at > clock_timestamp())
     and not expunge.is_key_of(h.subject_key, $2::text::regtype)
   order by h.id
