-- ARGV: epoch, cursor. Drops keys of other epochs, a stretch of the key space at a time; answers the next
-- cursor, 0 at the end. While this epoch is valid no other can become so: whoever would publish one is fenced.
if valid_epoch(server_run()) ~= ARGV[1] then
  return '0'
end
-- An epoch's name is twelve hexadecimal digits; no other key of ours has such a second word.
local NAMED = '^helio:(' .. string.rep('%x', 12) .. '):'
local answer = redis.call('SCAN', ARGV[2], 'MATCH', 'helio:????????????:*', 'COUNT', 1000)
for _, key in ipairs(answer[2]) do
  local name = string.match(key, NAMED)
  if name and name ~= ARGV[1] then
    redis.call('UNLINK', key)
  end
end
return answer[1]
