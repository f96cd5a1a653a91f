#!lua flags=no-writes
-- ARGV: track
local now, last = read_clock()
return status(ARGV[1], math.max(now, last))
