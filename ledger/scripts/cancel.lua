-- ARGV[1]: JSON [{id, attempt, forget_at}]. The owner wants that attempt, the next one, not to be made:
-- docs/protocol.md, rule 2. Answers each claim's line as it now is.
local function may_cancel(claim, ask)
  if claim.state == 'absent' then
    return ask.attempt == 1
  end
  return claim.state == 'open' and claim.maybe_sent == '0' and claim.attempt == ask.attempt
end

local found = {}
for n, ask in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(ask.id)
  if may_cancel(claim, ask) then
    claim.line = write_claim(ask.id, closed_line(CANCELLED, 0), ask.forget_at)
  end
  found[n] = claim.line
end
return found
