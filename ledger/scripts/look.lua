-- ARGV: message ids. Answers the time in milliseconds, then each claim's line or nil.
local found = { now }
for n, id in ipairs(ARGV) do
  found[n + 1] = redis.call('GET', claim_key(id))
end
return found
