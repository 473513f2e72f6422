-- Behind scripts/breakers.lua and scripts/slowing.lua: they go through a history, by a clock of our own, and through
-- their lines after each event. ARGV[1]: JSON {breaker = [event], slowed = [event]}. Answers JSON {breaker = [...],
-- slowed = [...]}: what each event has left, as their functions tell it.
local asked = cjson.decode(ARGV[1])
local seen = { breaker = {}, slowed = {} }

local line
for n, event in ipairs(asked.breaker) do
  local breaker = read_breaker(line, event.at)
  local wait, is_probe = wait_for_breaker(breaker, event.at), false
  if event.ask then
    is_probe = wait == 0 and begin_probe(breaker, event.nonce, event.at + event.hold)
  else
    note_outcome(breaker, event.nonce, event.bad, event.at)
  end
  -- A claim that is no probe writes nothing.
  if not event.ask or is_probe then
    line = write_breaker(breaker)
  end
  seen.breaker[n] = { wait, is_probe, breaker.state, breaker.pause, breaker.since, breaker.state ~= 'closed' and breaker.till or 0 }
end

line = nil
for n, event in ipairs(asked.slowed) do
  local slowed = read_slowed(line)
  if event.throttled then
    slowed = slow_down(slowed, event.pause, event.at)
  elseif slowed and event.took then
    take_slowed(slowed, event.rate, event.took, event.at)
  elseif slowed then
    slowed = speed_up(slowed, event.at)
  end
  line = slowed and write_slowed(slowed)
  seen.slowed[n] = slowed and { slowed.share, slowed.changed, slowed.next } or { 1, 0, 0 }
end
return cjson.encode(seen)
