-- ARGV[1]: token. A rebuild was given up.
if redis.call('GET', 'helio:rebuild') == ARGV[1] then
  redis.call('DEL', 'helio:rebuild')
end
