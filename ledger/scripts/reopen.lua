-- ARGV[1]: JSON [{id, attempt, nonce, forget_at, record, tried, breaker, answered, throttled, pause, counted}]. A hand-over that
-- provably did not happen: open to the next attempt, and noted (`tried`, as JSON) among the message's tries. `answered`:
-- the provider has refused it; `throttled`: the pace that it says is too high; `pause`: its Retry-After (ms); `counted`:
-- {caps, segments, hold}, what its claim counted against day caps, for it comes back.
-- Answers 1 where it is so now, by that record; 0 where the claim is no longer its own.
-- So many of a message are kept.
local MOST_TRIES = 20

local function note(own)
  local key = 'helio:tries:' .. own.id
  redis.call('RPUSH', key, own.tried)
  redis.call('LTRIM', key, -MOST_TRIES, -1)
  redis.call('PEXPIREAT', key, expiry(own.forget_at))
end

local answers = {}
for n, own in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(own.id)
  if is_own_sending(claim, own.nonce) then
    write_claim(own.id, open_line(own.attempt + 1, claim.maybe_sent, own.record), own.forget_at)
    note(own)
    if own.counted then
      give_back(own.counted, claim.till - own.counted.hold)
    end
    note_health(own, not own.answered)
    if own.throttled then
      set_slowed(own.throttled, slow_down(slowed_of(own.throttled), own.pause and own.pause * 1000, now_us))
    end
    answers[n] = 1
  else
    local done = claim.state == 'open' and claim.attempt == own.attempt + 1 and claim.record == own.record
    answers[n] = done and 1 or 0
  end
end
keep_days()
keep_health()
return answers
