
-- Another browser with each request: their cookies are in a file, one a line.
local requests = {}

local begin = init
function init(args)
   begin(args)
   for cookie in io.lines(os.getenv("COOKIES")) do
      wrk.headers["Cookie"] = "theme=dark; " .. cookie
      table.insert(requests, wrk.format())
   end
end

local next = 0
function request()
   next = next % #requests + 1
   return requests[next]
end
