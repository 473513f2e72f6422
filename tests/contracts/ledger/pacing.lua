-- Behind scripts/pace.lua: senders with a backlog share one pace, by a clock of our own (microseconds).
-- ARGV[1]: JSON {rate, burst, stop, senders = [{name, queue = [segments], late = [us]}]}. A sender asks for the
-- first of its queue; told to wait, it comes back that much later, and later still by the next of `late`.
-- `throttled` = [{at, pause}], if given: the provider throttles then (slowing.lua is there, too); all else succeeds.
-- Answers JSON [[time, segments, name]]: what was sent, in order.
local sim = cjson.decode(ARGV[1])
local sent, value, expires, turn = {}, nil, 0, 0
local throttled, slowed = sim.throttled or {}
for _, sender in ipairs(sim.senders) do
  sender.at, sender.first = 0, 1
end

local function next_sender()
  local found
  for _, sender in ipairs(sim.senders) do
    if sender.queue[sender.first] and (not found or sender.at < found.at) then
      found = sender
    end
  end
  return found
end

local sender = next_sender()
while sender and sender.at <= sim.stop do
  local now, segments = sender.at, sender.queue[sender.first]
  local pace = read_pace(now < expires and value or nil, sim.rate, sim.burst, 0)
  local wait = wait_for(pace, sender.name, segments, now)
  while throttled[1] and throttled[1].at <= now do
    local event = table.remove(throttled, 1)
    slowed = slow_down(slowed, event.pause, event.at)
  end
  wait = math.max(wait, slowed and wait_for_slowed(slowed, now) or 0)
  if wait > 0 then
    turn = turn + 1
    sender.at = now + math.ceil(wait / 1000) * 1000 + sender.late[turn % #sender.late + 1]
    if segments > 1 then
      hold_place(pace, sender.name, segments, wait, now)
    end
  else
    take(pace, sender.name, segments, now)
    sent[#sent + 1] = { now, segments, sender.name }
    if slowed then
      take_slowed(slowed, sim.rate, segments, now)
      slowed = speed_up(slowed, now)
    end
    sender.first = sender.first + 1
  end
  value, expires = write_pace(pace), lives_until(pace)
  sender = next_sender()
end
return cjson.encode(sent)
