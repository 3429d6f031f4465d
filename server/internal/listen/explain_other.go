//go:build !linux

package listen

// What helps elsewhere than on Linux.
const (
	socketsHint    = "netstat -an"
	addressesHint  = "its network settings list those it has"
	stubHint       = "; the system's own resolver may hold it"
	permissionHint = "start the program with more privileges, or listen on a port from 1024 on"
)
