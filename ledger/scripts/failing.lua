-- ARGV: life (ms), then for each endpoint: name, answered at (0: not), failed at (0: not).
-- Answers since when each has only failed, 0 for those that do not fail.
local found = {}
for n = 2, #ARGV, 3 do
  local name, answered, failed = unpack(ARGV, n, n + 2)
  local key = 'helio:failing:' .. name
  local since = redis.call('GET', key)
  if since and tonumber(since) <= tonumber(answered) then
    redis.call('DEL', key)
    since = false
  end
  if failed ~= '0' then
    since = since or failed
    redis.call('SET', key, since, 'PX', ARGV[1])
  end
  found[#found + 1] = tonumber(since or 0)
end
return found
