-- ARGV: id, expiry (ms), row, ... The ingress' own rows, as sequence 0, where the message is not known yet.
for n = 1, #ARGV, 3 do
  redis.call('SET', 'helio:view:' .. ARGV[n], '0 ' .. ARGV[n + 2], 'PXAT', ARGV[n + 1], 'NX')
end
