-- ARGV: epoch, cursor. Drops keys of other epochs, a stretch of the key space at a time; answers the next
-- cursor, 0 at the end. While this epoch is valid no other can become so: whoever would publish one is fenced.
if valid_epoch(server_run()) ~= ARGV[1] then
  return '0'
end
local answer = redis.call('SCAN', ARGV[2], 'MATCH', 'helio:*:[cp]:*', 'COUNT', 1000)
for _, key in ipairs(answer[2]) do
  if string.match(key, '^helio:(%w+):') ~= ARGV[1] then
    redis.call('UNLINK', key)
  end
end
return answer[1]
