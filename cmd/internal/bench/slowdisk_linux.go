package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"pdvagent/cmd/internal/rig"
)

// slowDisk is a disk whose every sync takes longer, for one process: the kernel tells it of each fdatasync and fsync that the
// process begins (seccomp, user notification), and the call goes on when its delay is over. So it counts them too.
type slowDisk struct {
	delay    time.Duration
	syncs    atomic.Int64
	listener *os.File // of the notifications; nil where the system does not give them
	ended    chan struct{}
}

// socketFD is the descriptor of the wrapped process's end of the socket.
const socketFD = 3

// startOn starts the agent of a configuration on a slow disk, and gives the median time in milliseconds of an append with
// its sync by the same process before. Stop the disk after the agent has ended.
func startOn(ctx context.Context, delay time.Duration, configPath string, appends int) (disk *slowDisk, process *rig.Process, raw float64, err error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, 0, err
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "ours"), os.NewFile(uintptr(ends[1]), "theirs")
	connection, err := net.FileConn(ours)
	if err := errors.Join(err, ours.Close()); err != nil {
		return nil, nil, 0, errors.Join(err, theirs.Close())
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	process, err = rig.StartProgram(ctx, []*os.File{theirs}, "bench", wrappedUse, fmt.Sprint(appends), configPath)
	if err := errors.Join(err, theirs.Close()); err != nil {
		return nil, nil, 0, err
	}
	disk = &slowDisk{delay: delay, ended: make(chan struct{})}
	if raw, err = disk.receive(connection.(*net.UnixConn)); err != nil {
		return nil, nil, 0, errors.Join(err, process.Kill(), disk.stop())
	}
	return disk, process, raw, nil
}

// receive takes the listener, serves it, and gives the time of an append.
func (d *slowDisk) receive(from *net.UnixConn) (raw float64, err error) {
	text, rights := make([]byte, 64), make([]byte, 64)
	_, n, _, _, err := from.ReadMsgUnix(text, rights)
	if err != nil {
		return 0, err
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:n])
	if err != nil {
		return 0, err
	}
	if len(messages) > 0 {
		fds, err := syscall.ParseUnixRights(&messages[0])
		if err != nil || len(fds) == 0 {
			return 0, errors.Join(err, errors.New("no listener came"))
		}
		d.listener = os.NewFile(uintptr(fds[0]), "syncs")
		go d.serve(fds[0])
	}
	if n, err = from.Read(text); err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(text[:n]), &raw)
	return raw, err
}

// counts tells whether syncs are delayed and counted here.
func (d *slowDisk) counts() bool { return d.listener != nil }

// synced is how many syncs the process has begun.
func (d *slowDisk) synced() int64 { return d.syncs.Load() }

// stop waits for the end of the notifications, which is that of the process.
func (d *slowDisk) stop() error {
	if d == nil || d.listener == nil {
		return nil
	}
	<-d.ended
	return d.listener.Close()
}

// notification and reply are the kernel's struct seccomp_notif and seccomp_notif_resp.
type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type reply struct {
	id    uint64
	value int64
	fault int32
	flags uint32
}

// serve lets each call go on when its delay is over.
func (d *slowDisk) serve(fd int) {
	defer close(d.ended)
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); errors.Is(err, syscall.EINTR) {
			continue
		} else if err != nil || ready[0].Revents&unix.POLLIN == 0 { // nobody is left
			return
		}
		var begun notification
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&begun))); errno != 0 {
			continue // the thread that began it has ended
		}
		d.syncs.Add(1)
		time.AfterFunc(d.delay, func() {
			goOn := reply{id: begun.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
			_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&goOn))) // it fails when the process has ended
		})
	}
}

// runWrapped is the wrapped process: it asks the kernel to tell of its syncs, appends to a file beside the configuration, and
// becomes the agent.
func runWrapped(ctx context.Context, appends int, configPath string) error {
	socket := os.NewFile(socketFD, "socket")
	rights := []byte(nil)
	if listener, err := notifySyncs(); err == nil {
		rights = syscall.UnixRights(listener)
		defer func() { _ = syscall.Close(listener) }() // the supervisor has a copy
	}
	if err := syscall.Sendmsg(socketFD, []byte("syncs"), rights, nil, 0); err != nil {
		return err
	}
	raw, err := appendTimes(ctx, filepath.Join(filepath.Dir(configPath), "raw"), appends)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(socket, raw); err != nil {
		return err
	}
	if err := socket.Close(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, []string{self, "run", "--config", configPath}, os.Environ()) //nolint:gosec // our own binary
}

// notifySyncs makes every fdatasync and fsync of this process, whatever it becomes, wait for the owner of the descriptor.
func notifySyncs() (listener int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FDATASYNC, Jt: 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FSYNC, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil { // the other threads get it with the filter
		return 0, err
	}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	for _, more := range []uintptr{unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0} { // a signal must not make a call begin twice; not in old kernels
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags|more, uintptr(unsafe.Pointer(&program)))
		if errno == 0 {
			return int(fd), nil
		}
		err = errno
	}
	return 0, err
}
