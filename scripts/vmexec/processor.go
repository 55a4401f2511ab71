package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A User Mode Linux and the programs in it are processes of the host that hand over to
// each other at every system call. One processor does that three to five times as
// fast as two, which have to be woken up for it.

// takeProcessor has the calling thread, and what it starts, run on one processor, and
// returns what gives the thread its former ones again. Guests that run at the same time
// take different ones, as long as there are enough.
func takeProcessor() (restore func() error, err error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return nil, fmt.Errorf("asking for the processors of this process: %w", err)
	}
	var one unix.CPUSet
	one.Set(freeProcessor(&allowed))
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return nil, fmt.Errorf("taking a processor: %w", err)
	}
	return func() error {
		if err := unix.SchedSetaffinity(0, &allowed); err != nil {
			return fmt.Errorf("giving the processor back: %w", err)
		}
		return nil
	}, nil
}

// freeProcessor is one that no other guest has taken; any, if there is none. What says
// that it is taken is the name of a socket, which the kernel forgets with this process.
func freeProcessor(allowed *unix.CPUSet) int {
	var all []int
	for processor := 0; len(all) < allowed.Count(); processor++ {
		if !allowed.IsSet(processor) {
			continue
		}
		if claim(processor) {
			return processor
		}
		all = append(all, processor)
	}
	return all[os.Getpid()%len(all)]
}

// processorName is what the processor with a number is called by all guests of a machine.
var processorName = "@finwait-processor-%d"

// claim gives the processor's name, in the abstract namespace of Unix sockets, to a socket
// that stays open as long as this process lives; it fails if another one has the name.
func claim(processor int) bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf(processorName, processor)}); err != nil {
		_ = unix.Close(fd)
		return false
	}
	return true
}
