-- ARGV[1]: JSON [[organization, scope, number, offset, consent, at, said, rest]], rest = '<source> <note>'. Of opt-outs the one of the
-- highest offset is kept, with the latest times of all; of opt-ins the one that was said last: so their order does not matter.
-- The set helio:optouts:<organization> has '<number> <scope>' of all, for lists.
for _, noted in ipairs(cjson.decode(ARGV[1])) do
  local organization, scope, number, offset, consent, at, said, rest = unpack(noted)
  local key = wish_key(scope, number)
  local out, back = wishes_read(key)
  if consent == 'out' and out then
    rest = offset > out.offset and rest or out.rest
    offset, at, said = math.max(offset, out.offset), math.max(at, out.at), math.max(said, out.said)
  end
  if consent == 'out' or not back or said > back.said or (said == back.said and offset > back.offset) then
    redis.call('HSET', key, consent, string.format('%.0f %.0f %.0f ', offset, at, said) .. rest)
    redis.call('ZADD', 'helio:optouts:' .. organization, 0, number .. ' ' .. scope)
  end
end
