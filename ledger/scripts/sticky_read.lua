-- As `view_read.lua`, of what recipients remember.
local READ = 'helio:sticky:read'
