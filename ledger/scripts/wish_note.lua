-- ARGV[1]: JSON [[organization, scope, number, offset, consent, rest]], rest = '<at> <source> <note>'. A record of a higher
-- offset replaces one of a lower. The set helio:optouts:<organization> has '<number> <scope>' of all, for lists.
for _, noted in ipairs(cjson.decode(ARGV[1])) do
  local organization, scope, number, offset, consent, rest = unpack(noted)
  local _, _, known = wish_of(scope, number)
  if not known or known < offset then
    redis.call('SET', wish_key(scope, number), string.format('%.0f', offset) .. ' ' .. consent .. ' ' .. rest)
    redis.call('ZADD', 'helio:optouts:' .. organization, 0, number .. ' ' .. scope)
  end
end
