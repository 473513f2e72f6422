-- What recipients want: a hash helio:optout:<scope> <number> of the fields `out` and `in`, each
-- '<offset> <at> <said> <source> <note>', see ledger/optouts.py.
local function wish_key(scope, number)
  return 'helio:optout:' .. scope .. ' ' .. number
end

local function wish_read(value)
  local offset, at, said, rest = string.match(value or '', '^(%d+) (%d+) (%d+) (.*)$')
  if offset then
    return { offset = tonumber(offset), at = tonumber(at), said = tonumber(said), rest = rest, value = value }
  end
end

local function wishes_read(key)
  local values = redis.call('HMGET', key, 'out', 'in')
  return wish_read(values[1]), wish_read(values[2])
end

-- Whether what was said in `back` is no older than `out`: providers tell whole seconds, as CLOCK_MS in schemas/optouts.py.
local function is_said_since(back, out)
  return back.said + 1000 > out.said
end

-- What holds of a key: 'out' or 'in' and that wish, or nil. An opt-in holds that comes later by everything that is known: its
-- record, our clock, and the provider's.
local function wish_of(scope, number)
  local out, back = wishes_read(wish_key(scope, number))
  if out and back and back.offset > out.offset and back.at >= out.at and is_said_since(back, out) then
    return 'in', back
  elseif out then
    return 'out', out
  elseif back then
    return 'in', back
  end
end

-- Whether a message of these scopes, the organization's first, is not wanted: in one of its use cases; or in the whole
-- organization, or from its number (<organization>/+...). Of these two a person has come back who wants each of its use cases, and
-- said so later; of a message without a use case, who wants the organization.
local function is_opted_out(scopes, number)
  local all, whole = wish_of(scopes[1], number)
  local outs, backs = {}, {}
  if all == 'out' then
    outs[1] = whole
  end
  for n = 2, #scopes do
    local consent, wish = wish_of(scopes[n], number)
    if string.find(scopes[n], '/+', 1, true) then
      if consent == 'out' then
        outs[#outs + 1] = wish
      end
    elseif consent == 'out' then
      return true
    else
      backs[#backs + 1] = wish or false
    end
  end
  if #backs == 0 then
    backs[1] = all == 'in' and whole
  end
  for _, out in ipairs(outs) do
    for _, back in ipairs(backs) do
      if not (back and back.at > out.at and is_said_since(back, out)) then
        return true
      end
    end
  end
  return false
end
