-- ARGV: <use case>:<recipient>, ... Answers 1 if the memory is whole, then each line, nil where there is none.
local found = { is_whole(server_run()) and 1 or 0 }
for n, name in ipairs(ARGV) do
  found[n + 1] = redis.call('GET', 'helio:sticky:' .. name)
end
return found
