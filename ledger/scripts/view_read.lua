-- How far the view has been re-read since this server run began: a hash (`reading.lua`).
local READ = 'helio:view:read'
