-- ARGV: key, rate (per second), burst, ... Limits by the bucket of pace.lua, full where nothing is known. Answers for each
-- how long to wait (ms), 0 where one was taken.
local waits = {}
for n = 1, #ARGV, 3 do
  local key = 'helio:limit:' .. ARGV[n]
  local pace = read_pace(redis.call('GET', key), tonumber(ARGV[n + 1]), tonumber(ARGV[n + 2]), 0)
  local wait = wait_for(pace, '', 1, now_us)
  if wait <= 0 then
    take(pace, '', 1, now_us)
    redis.call('SET', key, write_pace(pace), 'PXAT', math.floor(lives_until(pace) / 1000))
  end
  waits[#waits + 1] = math.max(0, math.ceil(wait / 1000))
end
return waits
