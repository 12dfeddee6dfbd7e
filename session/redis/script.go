package redis

// What has to happen in one step runs in the server. All keys of a script carry
// the same hash tag, so that in a cluster they are in one slot, and each is
// declared. Each script may run twice for one call: a reply that is lost on the
// way is asked for again.
//
// Times are compared as text: Lua's numbers do not hold nanoseconds.

import "github.com/redis/rueidis"

// KEYS ledger; ARGV key, expires ‖ seen, indexes. Notes what is about to be
// saved, and when by the server's clock; returns what was noted before.
var noteScript = rueidis.NewLuaScriptRetryable(`
local old = redis.call('HGET', KEYS[1], ARGV[1])
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. string.format('%011d', t[1]) .. ARGV[3])
return old`)

// KEYS record; ARGV sealed, expires in milliseconds.
var putScript = rueidis.NewLuaScriptRetryable(`
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return 1`)

// KEYS record, ledger; ARGV key, what has to be there (” for whatever),
// sealed, expires in milliseconds, expires, seen, indexes. Returns what the
// ledger had; 0 where there is no record, 1 where it is another one.
var replaceScript = rueidis.NewLuaScriptRetryable(`
local now = redis.call('GET', KEYS[1])
local line = redis.call('HGET', KEYS[2], ARGV[1])
if not now or not line then return 0 end
if ARGV[2] ~= '' and now == ARGV[3] then return line end
if ARGV[2] ~= '' and now ~= ARGV[2] then return 1 end
local seen = string.sub(line, 21, 40)
if ARGV[6] > seen then seen = ARGV[6] end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], ARGV[4])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[5] .. seen .. string.sub(line, 41, 51) .. ARGV[7])
return line`)

// KEYS record, ledger; ARGV key. Removes the record and returns its line in the
// ledger, which stays until the indexes are cleared up.
var deleteScript = rueidis.NewLuaScriptRetryable(`
redis.call('DEL', KEYS[1])
return redis.call('HGET', KEYS[2], ARGV[1])`)

// KEYS record, ledger; ARGV key, now, seen of the idle (” for none). As delete,
// where the session is over or its record is not there; else returns 0.
var sweepScript = rueidis.NewLuaScriptRetryable(`
local line = redis.call('HGET', KEYS[2], ARGV[1])
if not line then return 0 end
local over = string.sub(line, 1, 20) <= ARGV[2] or (ARGV[3] ~= '' and string.sub(line, 21, 40) <= ARGV[3])
if not over and redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('DEL', KEYS[1])
return line`)

// KEYS ledger, record…; ARGV key, seen for each record.
var touchScript = rueidis.NewLuaScriptRetryable(`
for i = 2, #KEYS do
	local key, seen = ARGV[2 * i - 3], ARGV[2 * i - 2]
	local line = redis.call('HGET', KEYS[1], key)
	if line and seen > string.sub(line, 21, 40) and redis.call('EXISTS', KEYS[i]) == 1 then
		redis.call('HSET', KEYS[1], key, string.sub(line, 1, 20) .. seen .. string.sub(line, 41))
	end
end
return 1`)

// KEYS lock; ARGV token, milliseconds.
var lockScript = rueidis.NewLuaScriptRetryable(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0`)

// KEYS lock; ARGV token.
var unlockScript = rueidis.NewLuaScriptRetryable(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)
