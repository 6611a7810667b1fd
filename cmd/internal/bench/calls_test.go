package bench

import "testing"

func TestCallsOfATraceAreCountedOnceAndWritesByTheirFolder(t *testing.T) {
	const text = `12 pwrite64(9</d/pdvagent.db>, ""..., 4096, 8192) = 4096
12 write(4<socket:[1]>, ""..., 90) = 90
13 write(7</d/traffic/a.gz>, ""..., 200 <unfinished ...>
12 fdatasync(9</d/pdvagent.db>) = 0
13 <... write resumed>) = 200
13 epoll_wait(5<anon_inode:[eventpoll]>, <unfinished ...>
12 --- SIGURG {si_signo=SIGURG} ---
12 pwrite64(9</d/pdvagent.db>, ""..., 4096, 8192) = -1 EIO (Input/output error)
14 +++ exited with 0 +++
`
	if got, want := countCalls(text, "/d"), (callCounts{calls: 6, writes: 2, bytes: 4296}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
