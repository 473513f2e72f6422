-- ARGV: id, expiry (ms), queue, score, sequence, row, ... A row is replaced only by one of a higher sequence.
for n = 1, #ARGV, 6 do
  local id, expiry, queue, score, sequence = unpack(ARGV, n, n + 4)
  local known, old = row_head(id)
  if not known or tonumber(known) < tonumber(sequence) then
    redis.call('SET', row_key(id), sequence .. ' ' .. queue .. ' ' .. ARGV[n + 5], 'PXAT', expiry)
    move(id, old, queue, score, expiry)
  end
end
settle()
