-- ARGV[1]: JSON, see encode_wishes in ledger/places.py. Answers for each wish two numbers: in how many milliseconds to
-- come back, and 1 where that is its turn in all its lines, else 0.
-- helio:line:<key> = <served> <far>: when all who have a place will have been served, and when the last of those who
-- have none comes back (milliseconds).
local asked = cjson.decode(ARGV[1])

local lines = {}
for n, asked_line in ipairs(asked.lines) do
  local key = 'helio:line:' .. asked_line.key
  local served, far = string.match(redis.call('GET', key) or '', '^([%d.]+) ([%d.]+)$')
  lines[n] = { key = key, token = 1000 / asked_line.rate, served = tonumber(served or 0), far = tonumber(far or 0) }
end

local function place(line, wish)
  local at = math.max(line.served, now + asked.soonest)
  if at <= now + wish.ahead then
    line.served = at + wish.segments * line.token
    return at, true
  end
  at = math.max(line.far, now + asked.far)
  line.far = at + math.min(asked.far_each, wish.segments * line.token)
  return at, false
end

local answers = {}
for n, wish in ipairs(asked.wishes) do
  local latest, turn = now + asked.soonest, 1
  for _, l in ipairs(wish.lines) do
    local at, has_place = place(lines[l], wish)
    latest = math.max(latest, at)
    turn = has_place and turn or 0
  end
  answers[2 * n - 1], answers[2 * n] = math.ceil(latest - now), turn
end
for _, line in ipairs(lines) do
  local value = string.format('%.3f %.3f', line.served, line.far)
  redis.call('SET', line.key, value, 'PXAT', string.format('%.0f', math.max(line.served, line.far) + 1000))
end
return answers
