"""`ddx7 ui`: a page on this machine to drop a sound on, listen, change and send; and the HTTP API behind it.

`server` builds the application and serves it, `security` guards every request, `sessions` keeps what a page holds,
`jobs` queues long work for `worker` processes, and `routes/` holds one module for each view of the page. The page is in
`static/`: ES modules, one style sheet, and one module in `static/views/` for each view. docs/http.md describes the
API.
"""
