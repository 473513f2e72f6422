-- Messages that look alike to a provider that shows no reference of ours: helio:<epoch>:twin:<digest> = <message id>, or *
-- where several have it. Of each that is claimed it is known for as long as it may be asked about.
local function twin_key(digest)
  return 'helio:' .. epoch .. ':twin:' .. digest
end

local function note_twin(ask)
  if ask.twin then
    local key, life = twin_key(ask.twin), int(ask.hold + ASKED_FOR)
    local known = redis.call('SET', key, ask.id, 'PX', life, 'NX', 'GET')
    if known then
      redis.call('SET', key, known == ask.id and known or '*', 'PX', life)
    end
  end
end
