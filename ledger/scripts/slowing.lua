-- What a provider throttles goes slower: by a share of the pace's rate, in a bucket of one segment of its own. So the
-- pace's cap holds whatever happens here. Functions of what is slowed and `now` alone, in microseconds.
--
-- Slowed: share (of the rate, below 1), changed (when its last change had its effect), next (nothing goes before it).

local LEAST_SHARE = 1 / 64
-- One slow-down has its effect before there is another: what is throttled meanwhile had left before.
local MOMENT = 1000000
-- Back at the cap after so long at the soonest, and after ten successes.
local RECOVERY, MOST_RAISED = 20000000, 0.1

-- value: <share> <changed> <next>, nil: not slowed.
local function read_slowed(value)
  if value then
    local share, changed, next_ = string.match(value, '^(%S+) (%d+) (%d+)$')
    return { share = tonumber(share), changed = tonumber(changed), next = tonumber(next_) }
  end
end

local function write_slowed(slowed)
  return string.format('%.6f %.0f %.0f', slowed.share, slowed.changed, slowed.next)
end

local function wait_for_slowed(slowed, now)
  return slowed.next - now
end

local function take_slowed(slowed, rate, segments, now)
  slowed.next = math.max(slowed.next, now) + segments * 1000000 / (rate * slowed.share)
end

-- The provider has throttled it (slowed: nil if it is at its cap), and names a pause or not (nil). The pause counts
-- within one to two steps of ours: a stranger must not stop a sender. A step is 1 s, and twice that with each halving.
local function slow_down(slowed, pause, now)
  slowed = slowed or { share = 1, changed = 0, next = 0 }
  if now < slowed.changed then
    return slowed
  end
  slowed.share = math.max(slowed.share / 2, LEAST_SHARE)
  local step = 1000000 / (2 * slowed.share)
  local held = pause and math.min(math.max(pause, step), 2 * step) or 0
  slowed.next = math.max(slowed.next, now + held)
  slowed.changed = now + math.max(held, MOMENT)
  return slowed
end

-- It has taken one: nil where that brings it back to its cap.
local function speed_up(slowed, now)
  if now <= slowed.changed then
    return slowed
  end
  slowed.share = slowed.share + math.min((now - slowed.changed) / RECOVERY, MOST_RAISED)
  slowed.changed = now
  return slowed.share < 1 and slowed or nil
end
