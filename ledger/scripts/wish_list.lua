-- ARGV: organization, from, to (as ZRANGE BYLEX has them), how many. Answers member, value, member, value, ...
local members = redis.call(
  'ZRANGE', 'helio:optouts:' .. ARGV[1], ARGV[2], ARGV[3], 'BYLEX', 'LIMIT', 0, ARGV[4])
local found = {}
for _, member in ipairs(members) do
  local number, scope = string.match(member, '^(%S+) (%S+)$')
  local consent, wish = wish_of(scope, number)
  if consent then
    found[#found + 1] = member
    found[#found + 1] = consent .. ' ' .. wish.value
  end
end
return found
