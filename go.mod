module pdvagent

go 1.26.0

require (
	github.com/google/uuid v1.6.0
	go.etcd.io/bbolt v1.5.0
	golang.org/x/sys v0.49.0
)

require golang.org/x/sync v0.24.0 // indirect
