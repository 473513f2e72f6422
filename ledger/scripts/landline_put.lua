-- ARGV: number, at, expiry (ms), ... What is known is replaced only by what is newer.
for n = 1, #ARGV, 3 do
  local number, at, expiry = unpack(ARGV, n, n + 2)
  local known = redis.call('GET', 'helio:landline:' .. number)
  if not known or tonumber(known) < tonumber(at) then
    redis.call('SET', 'helio:landline:' .. number, at, 'PXAT', expiry)
  end
end
