-- ARGV[2]: life of the lock (ms). ARGV[3]: JSON {made = [[id, line, expiry]], asked = [id]}.
-- Writes claims of the epoch to come, which nobody sees before it is published. Answers, for each id asked, 1 where
-- it has a claim by now, else 0. The lock lives on.
local function key(id)
  return 'helio:' .. token .. ':c:' .. id
end

local work = cjson.decode(ARGV[3])
for _, claim in ipairs(work.made) do
  redis.call('SET', key(claim[1]), claim[2], 'PXAT', claim[3])
end
local there = {}
for n, id in ipairs(work.asked) do
  there[n] = redis.call('EXISTS', key(id))
end
redis.call('PEXPIRE', 'helio:rebuild', ARGV[2])
return there
