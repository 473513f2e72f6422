-- Pacing, a token bucket written as GCRA: all that is kept is the moment at which the bucket is full.
-- Functions of the pace and `now` alone, in microseconds; one token is one segment.
--
-- A pace: rate (per second), burst (what the bucket holds), full (when it will be full), and, where a
-- message of several segments waits for them, its place: holder, held (segments), held_until.

-- Whoever comes late may catch up that much, so that a busy process does not cost throughput ...
local LATE = 50000
-- ... but only within what the promise leaves over: cap + burst in a second is a whole number of segments.
local function lateness(rate, burst)
  local room = math.floor(rate + burst) + 1 - (rate + burst)
  return math.min(LATE, 0.95 * room * 1000000 / rate)
end

-- value: <full> [<holder> <held> <held_until>], nil if nothing went for long: then the bucket is as full as
-- it can be since `published`, when the epoch began with an empty one.
local function read_pace(value, rate, burst, published)
  local pace = { rate = rate, burst = burst, token = 1000000 / rate, late = lateness(rate, burst) }
  if value then
    local full, holder, held, held_until = string.match(value, '^(%d+) ?(%S*) ?(%d*) ?(%d*)$')
    pace.full = tonumber(full)
    if holder ~= '' then
      pace.holder, pace.held, pace.held_until = holder, tonumber(held), tonumber(held_until)
    end
  else
    pace.full = published + burst * pace.token
  end
  return pace
end

local function write_pace(pace)
  local value = string.format('%.0f', pace.full)
  if pace.holder then
    value = string.format('%s %s %.0f %.0f', value, pace.holder, pace.held, pace.held_until)
  end
  return value
end

-- Once it is full, and nobody holds a place, it says no more than its absence.
local function lives_until(pace)
  return math.max(pace.full, pace.holder and pace.held_until or 0) + 1000000
end

local function is_held_by_another(pace, who, now)
  return pace.holder and pace.holder ~= who and pace.held_until > now
end

-- How long until the bucket holds what `segments` need. A message larger than the bucket needs a full one.
local function wait_for_tokens(pace, segments, now)
  local need = math.min(segments, pace.burst)
  return math.max(pace.full, now - pace.late) - now - (pace.burst - need) * pace.token
end

-- How long until `who` may send `segments`, or should ask again; 0 or less: now. Whoever finds that another
-- holds a place asks again when that one may go, and then at short intervals.
local AGAIN = 20000
local function wait_for(pace, who, segments, now)
  if is_held_by_another(pace, who, now) then
    return math.max(wait_for_tokens(pace, math.max(segments, pace.held), now), AGAIN)
  end
  return wait_for_tokens(pace, segments, now)
end

-- `who` sends. A message larger than the bucket leaves a debt, which those after it wait off.
local function take(pace, who, segments, now)
  pace.full = math.max(pace.full, now - pace.late) + segments * pace.token
  if pace.holder == who then
    pace.holder = nil
  end
end

-- `who` must wait for `segments`: the others leave them to it, or single segments would starve it. It takes
-- nothing, and lapses if `who` is not back soon after.
local GRACE = 200000
local function hold_place(pace, who, segments, wait, now)
  if not is_held_by_another(pace, who, now) then
    pace.holder, pace.held, pace.held_until = who, segments, now + wait + GRACE
  end
end
