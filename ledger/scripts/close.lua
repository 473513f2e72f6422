-- ARGV[1]: JSON [{id, attempt, nonce, forget_at, breaker, paces}]. A settled hand-over: its claim, also where it was given up
-- as unknown, becomes closed(sent). Another's claim stays as it is.
for _, own in ipairs(cjson.decode(ARGV[1])) do
  local claim = read_claim(own.id)
  if is_own_sending(claim, own.nonce) or is_own_unknown(claim, own.nonce) then
    write_claim(own.id, closed_line(SENT, own.attempt), own.forget_at)
    note_success(own)
  end
end
keep_health()
