-- ARGV[1]: JSON [{id, forget_at}]. The owner wants it not to be sent: docs/protocol.md, rule 2. Answers each claim's
-- line as it now is.
local found = {}
for n, ask in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(ask.id)
  if claim.state == 'absent' or claim.state == 'open' and claim.maybe_sent == '0' then
    claim.line = write_claim(ask.id, closed_line(CANCELLED, 0), ask.forget_at)
  end
  found[n] = claim.line
end
return found
