-- ARGV: <use case>:<recipient>, at, number, expiry (ms), ... What is known is replaced only by what is newer.
for n = 1, #ARGV, 4 do
  local name, at, number, expiry = unpack(ARGV, n, n + 3)
  local known = string.match(redis.call('GET', 'helio:sticky:' .. name) or '', '^%d+')
  if not known or tonumber(known) <= tonumber(at) then
    redis.call('SET', 'helio:sticky:' .. name, at .. ' ' .. number, 'PXAT', expiry)
  end
end
