-- ARGV: id, sequence, expiry (ms), row, ... A row is replaced only by one of a higher sequence.
for n = 1, #ARGV, 4 do
  local key = 'helio:view:' .. ARGV[n]
  local sequence = string.match(redis.call('GETRANGE', key, 0, 15), '^%d+')
  if not sequence or tonumber(sequence) < tonumber(ARGV[n + 1]) then
    redis.call('SET', key, ARGV[n + 1] .. ' ' .. ARGV[n + 3], 'PXAT', ARGV[n + 2])
  end
end
