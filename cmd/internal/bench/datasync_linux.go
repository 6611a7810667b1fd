package bench

import (
	"os"
	"syscall"
)

// dataSync is fdatasync(2): what bbolt itself calls here.
func dataSync(file *os.File) error {
	return syscall.Fdatasync(int(file.Fd()))
}
