-- ARGV: message ids. A sending past its `until` becomes closed(unknown). Answers each claim's line as it now is.
local found = {}
for n, id in ipairs(ARGV) do
  local claim = read_claim(id)
  if claim.state == 'sending' and claim.till < now then
    claim.line = unknown_line(claim)
    redis.call('SET', claim_key(id), claim.line, 'KEEPTTL')
    redis.call('ZREM', SENDING, id)
    note_lost(id, claim)
  end
  found[n] = claim.line
end
return found
