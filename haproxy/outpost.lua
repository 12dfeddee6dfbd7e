-- Asks the outpost whether a request may pass, as nginx's auth_request would, and
-- hands the application who it is. docs/front-ends.md has the haproxy.cfg around
-- it. It needs HAProxy 2.5 or newer with Lua, and nothing else.
--
--   http-request lua.outpost http://127.0.0.1:9000 x-authentik-*
--
-- The first argument is where the outpost is: plain http, an address or a name that
-- HAProxy's resolvers know. The second is which headers of a 200 the application
-- gets, with commas between them; one may end with a star. Whatever the client has
-- sent under these names is taken off first, in every spelling that an application
-- may read as one of them: X_Authentik_Username is one.
--
-- Afterwards txn.outpost_status is the answer's status, and 500 where there was none:
-- only 200 may pass. txn.outpost_url is the URL that was asked about.

local path = "/outpost.goauthentik.io/auth/nginx"
local timeout = 5000 -- ms; a page must not wait for an outpost that is not there

-- What of the client's headers the outpost reads, and no more. Upgrade is not among
-- them: the check is no WebSocket.
local passed = { "cookie", "authorization", "accept", "x-requested-with", "sec-fetch-mode", "sec-fetch-dest", "origin",
	"access-control-request-method", "access-control-request-headers", "user-agent" }

-- folded is a header's name as CGI and its like see it.
local function folded(name)
	return (name:lower():gsub("[^%w]", "-"))
end

-- matcher says whether a name is among those of the list.
local function matcher(list)
	local exact, prefixes = {}, {}
	for entry in list:gmatch("[^,%s]+") do
		if entry:sub(-1) == "*" then
			prefixes[#prefixes + 1] = folded(entry:sub(1, -2))
		else
			exact[folded(entry)] = true
		end
	end
	return function(name)
		name = folded(name)
		if exact[name] then
			return true
		end
		for _, prefix in ipairs(prefixes) do
			if name:sub(1, #prefix) == prefix then
				return true
			end
		end
		return false
	end
end

local function ask(txn, outpost, list)
	txn:set_var("txn.outpost_status", 500)
	local ours = matcher(list)
	local sent = txn.http:req_get_headers()
	for name in pairs(sent) do
		if ours(name) then
			txn.http:req_del_header(name)
		end
	end

	local host = txn.sf:req_fhdr("host")
	local scheme = txn.sf:ssl_fc() == "1" and "https" or "http"
	local url = scheme .. "://" .. host .. txn.sf:pathq()
	txn:set_var("txn.outpost_url", url)
	local headers = {
		["host"] = { host },
		["x-original-url"] = { url },
		["x-original-method"] = { txn.sf:method() },
		["x-forwarded-host"] = { host },
		["x-forwarded-for"] = { txn.sf:src() },
	}
	for _, name in ipairs(passed) do
		local values = sent[name]
		if values then
			headers[name] = {}
			for i = 0, #values do
				headers[name][i + 1] = values[i]
			end
		end
	end

	local answer = core.httpclient():head({ url = outpost .. path, headers = headers, timeout = timeout })
	if not answer or not answer.status then
		return
	end
	txn:set_var("txn.outpost_status", answer.status)
	if answer.status ~= 200 then
		return
	end
	for name, values in pairs(answer.headers) do
		if ours(name) and values[0] and values[0] ~= "" then
			txn.http:req_set_header(name, values[0])
		end
	end
end

core.register_action("outpost", { "http-req" }, ask, 2)
