-- What recipients want: helio:optout:<scope> <number> = <offset> <out|in> <at> <source> <note>, see ledger/optouts.py.
local function wish_key(scope, number)
  return 'helio:optout:' .. scope .. ' ' .. number
end

-- 'out', 'in' or nil; since when (ms); the offset of the record that says so.
local function wish_of(scope, number)
  local offset, consent, at = string.match(redis.call('GET', wish_key(scope, number)) or '', '^(%d+) (%l+) (%d+) ')
  return consent, tonumber(at), tonumber(offset)
end

-- Whether a message of these scopes, the organization's first, is not wanted: in one of the narrower ones, or in the
-- organization's. Out of that a person has come back who wants each of the narrower ones, and said so later.
local function is_opted_out(scopes, number)
  local all, since = wish_of(scopes[1], number)
  local came_back = #scopes > 1
  for n = 2, #scopes do
    local one, at = wish_of(scopes[n], number)
    if one == 'out' then
      return true
    end
    came_back = came_back and one == 'in' and at > (since or 0)
  end
  return all == 'out' and not came_back
end
