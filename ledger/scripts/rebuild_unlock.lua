-- ARGV[1]: token. A rebuild was given up.
if string.match(redis.call('GET', 'helio:rebuild') or '', '^%S+') == ARGV[1] then
  redis.call('DEL', 'helio:rebuild')
end
