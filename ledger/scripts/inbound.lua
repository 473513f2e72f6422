-- ARGV: id, word, life (ms). Marks the taking of an inbound text, and answers what was marked before ('' for nothing).
-- 'taken' is final and replaces any other mark; 'taking' never replaces one.
local key = 'helio:inbound:' .. ARGV[1]
local known = redis.call('GET', key) or ''
if ARGV[2] == 'taken' or known == '' then
  redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
end
return known
