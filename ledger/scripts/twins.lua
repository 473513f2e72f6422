-- Messages that look alike to a provider that shows no reference of ours: helio:<epoch>:twin:<digest> = <message id>, or *
-- where several have it. Of each that is claimed it is known for as long as it may be asked about.
local function twin_key(digest)
  return 'helio:' .. epoch .. ':twin:' .. digest
end

local function note_twin(ask)
  if ask.twin then
    local key = twin_key(ask.twin)
    local known = redis.call('GET', key)
    local value = (not known or known == ask.id) and ask.id or '*'
    redis.call('SET', key, value, 'PX', int(ask.hold + ASKED_FOR))
  end
end
