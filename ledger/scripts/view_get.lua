-- ARGV: message ids. Answers 1 if the view is whole, then what is known of each.
local found = { is_whole(run) and 1 or 0 }
for n, id in ipairs(ARGV) do
  found[n + 1] = seen(id)
end
return found
