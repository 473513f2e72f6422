-- ARGV: id, expiry (ms), queue, score, token, row, ... The ingress' own rows, as sequence 0, where the message is not
-- known yet. The hold of that token ends: the row says from now on what the key was used for.
for n = 1, #ARGV, 6 do
  local id, expiry, queue, score, token = unpack(ARGV, n, n + 4)
  if redis.call('SET', row_key(id), '0 ' .. queue .. ' ' .. ARGV[n + 5], 'PXAT', expiry, 'NX') then
    move(id, nil, queue, score, expiry)
  end
  end_hold(id, token)
end
settle()
