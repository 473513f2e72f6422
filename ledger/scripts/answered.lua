-- ARGV: id, token, expiry (ms), answer. Kept unless there is one. Answers the one that is kept; the hold is over.
local kept = redis.call('GET', answer_key(ARGV[1]))
if not kept then
  kept = ARGV[4]
  redis.call('SET', answer_key(ARGV[1]), kept, 'PXAT', ARGV[3])
end
end_hold(ARGV[1], ARGV[2])
return kept
