-- ARGV: provider, sent before (ms), sent after, most, lease (ms). The rows (JSON) of messages that were sent then and have
-- had no receipt since, oldest first. They are not given out again before the lease is over; what is older is let go.
local key = queue_key('sent:' .. ARGV[1])
local before, after, most = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

-- In pieces, as `trim` does.
local stale = redis.call('ZCOUNT', key, '-inf', '(' .. after)
if stale > 0 then
  redis.call('ZREMRANGEBYRANK', key, 0, math.min(stale, MOST_TRIMMED) - 1)
end

local found = {}
for _, id in ipairs(redis.call('ZRANGE', key, after, before, 'BYSCORE', 'LIMIT', 0, most)) do
  local _, queue = row_head(id)
  if queue == 'sent:' .. ARGV[1] then
    found[#found + 1] = row_json(id)
    redis.call('ZADD', key, string.format('%.0f', before + tonumber(ARGV[5])), id)
  else
    redis.call('ZREM', key, id)
  end
end
return found
