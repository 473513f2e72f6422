-- ARGV: organization, from, to (as ZRANGE BYLEX has them), how many. Answers member, value, member, value, ...
local members = redis.call(
  'ZRANGE', 'helio:optouts:' .. ARGV[1], ARGV[2], ARGV[3], 'BYLEX', 'LIMIT', 0, ARGV[4])
local found = {}
for _, member in ipairs(members) do
  local number, scope = string.match(member, '^(%S+) (%S+)$')
  local value = redis.call('GET', wish_key(scope, number))
  if value then
    found[#found + 1] = member
    found[#found + 1] = value
  end
end
return found
