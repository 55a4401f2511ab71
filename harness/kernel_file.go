package harness

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// A kernelFile is a file of /proc that is open for reading. Package os would have the
// runtime's poller watch what can be polled, as sysctls and counters can (proc_sys_poll
// in fs/proc/proc_sysctl.c and proc_reg_poll in fs/proc/inode.c, Linux 6.18), and wake a
// thread for each one that is opened.
type kernelFile struct {
	fd   int
	path string
}

func openKernelFile(path string) (kernelFile, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return kernelFile{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return kernelFile{fd, path}, nil
}

// read reads all of it, from its start, which is shorter than the buffer. The kernel
// writes sysctls and counters whole, however long they are: one read has all of one
// (proc_sys_call_handler in fs/proc/proc_sysctl.c; single_open and seq_read_iter in
// fs/seq_file.c, Linux 5.10 to 7.3).
func (f kernelFile) read(buffer []byte) (string, error) {
	text, err := f.begin(buffer)
	if err == nil && len(text) == len(buffer) {
		return "", &fs.PathError{Op: "read", Path: f.path, Err: unix.EFBIG}
	}
	return text, err
}

// begin reads how it begins: what the buffer holds.
func (f kernelFile) begin(buffer []byte) (string, error) {
	n, err := unix.Pread(f.fd, buffer, 0)
	if err != nil {
		return "", &fs.PathError{Op: "read", Path: f.path, Err: err}
	}
	return string(buffer[:n]), nil
}

func (f kernelFile) close() error { return unix.Close(f.fd) }

// readKernelFile reads a short one: a value.
func readKernelFile(path string) (string, error) {
	file, err := openKernelFile(path)
	if err != nil {
		return "", err
	}
	text, err := file.read(make([]byte, 4<<10))
	return text, errors.Join(err, file.close())
}
