module janus

go 1.19
